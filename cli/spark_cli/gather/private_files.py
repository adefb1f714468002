"""Files that only we may read, gone when the process ends."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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


def remove(folder: Path) -> None:
    """The whole of it: a signal that comes meanwhile waits, for an exception midway would leave keys behind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _remove_at_exit(folder: Path) -> None:
    # Not let through again: we end in any case, and out of an atexit callback an exception is a traceback.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    remove(folder)


def folder() -> Path:
    """One folder of this process, with mode 0700."""
    if not _folders:
        made = new_folder("kubectl-spark-")
        _folders.append(made)
        atexit.register(_remove_at_exit, made)
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
