"""An image archive with one file in it, made without any image tool."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def of_file(image: str, executable: Path, target: Path) -> None:
    """Write the archive `target` of an image that holds and runs just this executable."""
    layer = _tar([(executable.name, executable.read_bytes(), 0o755)])
    machine = platform.machine()
    config = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "config": {"Cmd": [f"/{executable.name}"]},
    }
    configuration = json.dumps(config).encode()
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image], "Layers": ["layer.tar"]}]
    members = [
        (name, configuration, 0o644),
        ("manifest.json", json.dumps(manifest).encode(), 0o644),
        ("layer.tar", layer, 0o644),
    ]
    target.write_bytes(_tar(members))


def _tar(members: list[tuple[str, bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content, mode in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
