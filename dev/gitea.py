"""A Gitea, for tests that fetch from a real service: the program, and the files it reads when it runs.

Apart from the cluster's tools, since it takes minutes to build and few need it. What a release holds
within the program (templates, texts, kinds of labels) lies beside it here, as it comes with the module;
the pages for people lack their scripts, which are no part of the module, and the API is whole.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

from dev import host
from dev.errors import RefusalError
from dev.locks import locked
from dev.toolchain import PINS, Tool, Toolchain, persistently

GITEA = Tool("gitea", "gitea", "code.gitea.io/gitea", "v1.26.0", ("main.Version=1.26.0",))
FILES = ("options", "templates", "public")


class Gitea:
    """The program and its files, in the folder that belongs to this checkout's pins."""

    def __init__(self, pins: Path = PINS) -> None:
        self._toolchain = Toolchain(pins, (GITEA,))
        self._pins = pins / GITEA.group
        self.program = self._toolchain.path(GITEA.name)
        self.files = self._toolchain.folder / "files"

    def ready(self, thorough: bool = False) -> bool:
        return self._toolchain.ready(thorough) and self.files.is_dir()

    def build(self, thorough: bool = False) -> Path:
        """Build or unpack what is missing; return the program."""
        folder = self._toolchain.build(thorough)
        with locked(folder.with_suffix(".lock"), "unpacking Gitea's files"):
            if not self.files.is_dir():
                self._unpack()
        return self.program

    def _unpack(self) -> None:
        # Of the archive, which Go has checked against go.sum, and not of its module cache: there
        # nothing may be written, and what is copied from it could not be removed again.
        partial = self.files.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        top = f"{GITEA.package}@{GITEA.version}/"
        with zipfile.ZipFile(self._archive()) as archive:
            for name in archive.namelist():
                if name.removeprefix(top).partition("/")[0] in FILES:
                    archive.extract(name, partial)
        # Only all of them ever get the real name.
        (partial / top).rename(self.files)
        shutil.rmtree(partial)

    def _archive(self) -> Path:
        said: dict[str, str] = {}

        def download() -> str | None:
            result = subprocess.run(
                [host.go(), "mod", "download", "-json", GITEA.package],
                cwd=self._pins,
                env={**os.environ, "GOWORK": "off"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode == 0:
                said.update(json.loads(result.stdout))
            return None if result.returncode == 0 else result.stdout + result.stderr

        persistently(download, GITEA.name)
        if said.get("Version") != GITEA.version:
            raise RefusalError(f"go.mod pins Gitea {said.get('Version')}, not {GITEA.version}")
        return Path(said["Zip"])
