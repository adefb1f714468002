"""Writing files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` by a file with this text. Private unless told otherwise: most hold secrets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    partial.rename(path)


def sha256(path: Path) -> str:
    """The checksum of one file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_hash(roots: Iterable[Path], base: Path) -> str:
    """One hash over names, kinds and contents of files and folders; caches of Python left out."""
    digest = hashlib.sha256()
    for root in roots:
        paths = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in paths:
            if "__pycache__" in path.parts or not path.is_file():
                continue
            executable = os.access(path, os.X_OK)
            line = f"{path.relative_to(base)}\0{executable}\0{sha256(path)}\n"
            digest.update(line.encode())
    return digest.hexdigest()
