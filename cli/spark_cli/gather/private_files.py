"""Files that only we may read, gone when the process ends."""

import atexit
import shutil
import tempfile
from pathlib import Path

_folders: list[Path] = []


def folder() -> Path:
    """One folder of this process, with mode 0700."""
    if not _folders:
        made = Path(tempfile.mkdtemp(prefix="kubectl-spark-"))
        _folders.append(made)
        atexit.register(shutil.rmtree, made, ignore_errors=True)
    return _folders[0]


def write(name: str, content: bytes) -> Path:
    """A file of mode 0600 in it; a new one under another name where that is taken."""
    place = folder()
    path = place / name
    number = 1
    while path.exists():
        number += 1
        path = place / f"{name}.{number}"
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
