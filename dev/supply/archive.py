"""The files of an image, as a container would see them: its layers laid upon each other."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dev.errors import RefusalError

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
LINKS = 8
"""Symbolic links that are followed in a row; more of them are a circle."""


@dataclass(frozen=True)
class Image:
    """The chosen files of an image by their path without a leading slash, and its symbolic links."""

    digest: str
    """Of the configuration, `sha256:…`: what `crictl images` and `buildah images` call the image's ID."""
    created: str
    """RFC 3339, as the image says of itself."""
    labels: dict[str, str]
    layers: tuple[str, ...]
    """Digests of the uncompressed layers, the lowest first."""
    files: dict[str, bytes]
    links: dict[str, str]

    def read(self, path: str) -> bytes | None:
        """A file by its path, through links of folders and files; None if it was not chosen or is not there."""
        for _ in range(LINKS):
            if path in self.files:
                return self.files[path]
            for prefix in _prefixes(path):
                if prefix in self.links:
                    target = posixpath.join(posixpath.dirname(prefix), self.links[prefix])
                    path = posixpath.normpath(target + path[len(prefix) :]).lstrip("/")
                    break
            else:
                return None
        return None


def read(archive: Path, wanted: Callable[[str], bool]) -> Image:
    """Read a `docker-archive` of one image; of the files only those whose path is wanted.

    Raises RefusalError for what is no such archive.
    """
    try:
        with tarfile.open(archive) as outer:
            (manifest,) = json.load(_member(outer, "manifest.json"))
            config_path = manifest["Config"]
            config = json.load(_member(outer, config_path))
            files: dict[str, bytes] = {}
            links: dict[str, str] = {}
            for name in manifest["Layers"]:
                with tarfile.open(fileobj=_member(outer, name), mode="r:*") as layer:
                    _lay(layer, files, links, wanted)
    except (OSError, tarfile.TarError, ValueError, KeyError) as error:
        raise RefusalError(f"{archive} is no image archive ({error}): make images") from None
    return Image(
        digest=f"sha256:{posixpath.basename(config_path).partition('.')[0]}",
        created=config["created"],
        labels=config.get("config", {}).get("Labels") or {},
        layers=tuple(config["rootfs"]["diff_ids"]),
        files=files,
        links=links,
    )


def _member(outer: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = outer.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} is not a file")
    return stream


def _lay(
    layer: tarfile.TarFile,
    files: dict[str, bytes],
    links: dict[str, str],
    wanted: Callable[[str], bool],
) -> None:
    """Lay one layer upon those below: what it removes goes first, whatever the order of its members."""
    members = [(posixpath.normpath(member.name).lstrip("/"), member) for member in layer]
    for path, _ in members:
        folder, name = posixpath.split(path)
        if name == OPAQUE:
            _remove(folder, files, links, itself=False)
        elif name.startswith(WHITEOUT):
            _remove(posixpath.join(folder, name.removeprefix(WHITEOUT)), files, links)
    for path, member in members:
        if posixpath.basename(path).startswith(WHITEOUT):
            continue
        if not member.isdir():
            _remove(path, files, links)
        if member.issym():
            links[path] = member.linkname
        elif wanted(path) and (member.isfile() or member.islnk()):
            # A hard link is read through: its target lies in the same layer.
            stream = layer.extractfile(member)
            files[path] = stream.read() if stream else b""


def _remove(path: str, files: dict[str, bytes], links: dict[str, str], itself: bool = True) -> None:
    for known in (files, links):
        below = [name for name in known if name.startswith(f"{path}/")]
        for name in below + ([path] if itself and path in known else []):
            del known[name]


def _prefixes(path: str) -> list[str]:
    """`a/b/c` → `a`, `a/b`, `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
