"""Whether an image that is built twice is the same, and where it differs if it is not."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from dev.supply.archive import read

SHOWN = 20


def difference(one: Path, other: Path) -> list[str]:
    """In which layer two archives of images first differ, and by which files; empty if they do not."""
    first, second = read(one, lambda _: False), read(other, lambda _: False)
    if first.digest == second.digest:
        return []
    if first.layers == second.layers:
        return [
            f"the layers are the same, the configuration is not: {first.digest}, {second.digest}"
        ]
    if len(first.layers) != len(second.layers):
        return [f"one has {len(first.layers)} layers, the other {len(second.layers)}"]
    pairs = enumerate(zip(first.layers, second.layers, strict=True))
    number = next(index for index, (here, there) in pairs if here != there)
    found = [f"layer {number} of {len(first.layers)} differs:"]
    here, there = _members(one, number), _members(other, number)
    paths = [path for path in sorted({*here, *there}) if here.get(path) != there.get(path)]
    for path in paths[:SHOWN]:
        found.append(
            f"  /{path}: {here.get(path, 'is not there')}, {there.get(path, 'is not there')}"
        )
    if len(paths) > SHOWN:
        found.append(f"  and {len(paths) - SHOWN} more")
    return found if paths else [*found, "  in the order of its files"]


def _members(archive: Path, number: int) -> dict[str, str]:
    """What could differ of each file of one layer."""
    described: dict[str, str] = {}
    with tarfile.open(archive) as outer:
        manifest: Any = outer.extractfile("manifest.json")
        name = json.load(manifest)[0]["Layers"][number]
        with tarfile.open(fileobj=outer.extractfile(name), mode="r:*") as layer:
            for member in layer:
                stream = layer.extractfile(member) if member.isfile() else None
                body = stream.read() if stream else member.linkname.encode()
                content = hashlib.sha256(body).hexdigest()[:12]
                described[member.name] = (
                    f"{member.mode:o} {member.uid}:{member.gid} at {member.mtime}, "
                    f"{member.size} bytes ({content})"
                )
    return described
