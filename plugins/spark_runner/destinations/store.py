"""What a place for files must do: the few things that a volume and a bucket have in common."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from spark_plugins.errors import TransientError

# What identifies one version of a file, or None for a file that is not there.
Version = str | None


class Store(Protocol):
    """The files of one dataset. `put` replaces a file whole: a reader sees the old or the new."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep others out where the place can; `put` finds them out where it cannot."""
        ...

    def files(self) -> Mapping[str, str]:
        """The names of the files, each with its version."""
        ...

    def get(self, name: str, target: Path) -> None:
        """Write the content of a file to a local one."""
        ...

    def put(self, name: str, source: Path, replaces: Version) -> str:
        """Replace this version of a file and give the new one.

        Raises `TransientError` where another version stands there by now.
        """
        ...


def overtaken(name: str) -> TransientError:
    """The error of a `put` that comes second."""
    return TransientError(
        f"Another fetch has written {name} meanwhile: one at a time. Nothing of it was overwritten."
    )
