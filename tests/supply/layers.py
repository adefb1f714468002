"""Images made by hand: their layers, and the archive that holds them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

STATUS = """\
Package: libssl3t64
Status: install ok installed
Section: libs
Architecture: amd64
Source: openssl (3.5.1-1)
Version: 3.5.1-1+b2

Package: gone
Status: deinstall ok config-files
Section: libs
Architecture: amd64
Version: 1
"""
DEBIAN = {
    "var/lib/dpkg/status": STATUS,
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="13"\n',
    "usr/share/doc/libssl3t64/copyright": "Format: https://…\n\nFiles: *\nLicense: Apache-2.0\n",
}


def tar(members: Mapping[str, str | bytes]) -> bytes:
    """A layer. A value that begins with `->` is a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for path, content in members.items():
            member = tarfile.TarInfo(path)
            if isinstance(content, str) and content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:]
                layer.addfile(member)
                continue
            body = content.encode() if isinstance(content, str) else content
            member.size = len(body)
            layer.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def image(path: Path, *layers: Mapping[str, str | bytes], identity: str = "a") -> Path:
    """A `docker-archive` of these layers, the lowest first."""
    bodies = [tar(layer) for layer in layers]
    digests = [f"sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies]
    config = {
        "created": "2026-01-02T03:04:05.678901234Z",
        "config": {"Labels": {"org.opencontainers.image.version": "1.2.3"}},
        "rootfs": {"diff_ids": digests},
    }
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = [{"Config": f"{identity * 64}.json", "Layers": names}]
    members: dict[str, str | bytes] = {
        "manifest.json": json.dumps(manifest),
        f"{identity * 64}.json": json.dumps(config),
    }
    members |= dict(zip(names, bodies, strict=True))
    path.write_bytes(tar(members))
    return path
