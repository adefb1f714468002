"""Files in a folder of a claim."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spark_plugins.errors import TransientError
from spark_runner.destinations import file_lock
from spark_runner.destinations.store import Version


@dataclass(frozen=True)
class Volume:
    """See `Store`. The lock keeps others out, so a version says no more than that a file is there."""

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TransientError(
                f"The volume of the destination cannot be written ({error.strerror})."
            ) from error
        with file_lock.held(self.folder / ".lock", self.folder.name):
            yield

    def files(self) -> Mapping[str, str]:
        # What begins with a dot is our lock, or what a killed fetch had not renamed yet.
        return {
            path.name: "present"
            for path in self.folder.iterdir()
            if path.is_file() and not path.name.startswith(".")
        }

    def get(self, name: str, target: Path) -> None:
        shutil.copyfile(self.folder / name, target)

    def put(self, name: str, source: Path, replaces: Version) -> str:  # noqa: ARG002
        part = self.folder / f".{name}.part"
        with source.open("rb") as content, part.open("wb") as file:
            shutil.copyfileobj(content, file, 1024 * 1024)
            file.flush()
            # Before the rename: a node that loses its power must not leave the name on nothing.
            os.fsync(file.fileno())
        part.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return "present"
