"""One fetch at a time on a volume: a lock on a file, which ends with the process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_plugins.errors import TransientError


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock, or raise `TransientError` where another fetch does; `what` it writes to."""
    # Never removed: whoever removes it while another waits for it makes two locks of one.
    try:
        lock = path.open("a+b")
    except OSError as error:
        raise TransientError(
            f"The volume of the destination cannot be written ({error.strerror})."
        ) from error
    with lock:
        try:
            # Of POSIX, not of BSD: that one does not reach other nodes over NFS. It ends
            # with the process, however that ends.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TransientError(f"Another fetch is writing to {what}: one at a time.") from error
        yield
