"""Files that only we may read, gone when the process ends."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folders: list[Path] = []


def new_folder(prefix: str) -> Path:
    """A new one of mode 0700, which whoever asks for it removes.

    In $XDG_RUNTIME_DIR where there is one: it is in memory and goes with the session, so that even what
    a killed process leaves there does not stay.
    """
    place = os.environ.get("XDG_RUNTIME_DIR") or None
    if place is not None and not os.access(place, os.W_OK | os.X_OK):
        place = None
    return Path(tempfile.mkdtemp(prefix=prefix, dir=place))


def folder() -> Path:
    """One folder of this process, with mode 0700."""
    if not _folders:
        made = new_folder("kubectl-spark-")
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
