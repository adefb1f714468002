"""The Gitea of the tests: its files come whole from the pinned module, or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from dev.errors import RefusalError
from dev.gitea import GITEA, Gitea

FAKE_GO = """#!/bin/sh
case "$1" in
  version) echo "go version go1.26.1 linux/amd64" ;;
  mod) cat "$FAKE_GO/said" ;;
  build) while [ $# -gt 1 ]; do if [ "$1" = -o ]; then echo built >"$2"; fi; shift; done ;;
esac
"""


@pytest.fixture
def gitea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gitea:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_GO", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pins = tmp_path / "pins" / GITEA.group
    pins.mkdir(parents=True)
    (pins / "go.mod").write_text("module x\n")
    return Gitea(pins.parent)


def says(folder: Path, version: str = GITEA.version) -> Path:
    """Let Go give an archive of that version; its path."""
    path = folder / "module.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("main.go", "options/locale/en.json", "templates/home.tmpl", "public/x.png"):
            archive.writestr(f"{GITEA.package}@{version}/{name}", name)
    (folder / "said").write_text(json.dumps({"Version": version, "Zip": str(path)}))
    return path


def test_it_is_ready_with_program_and_files(gitea: Gitea, tmp_path: Path) -> None:
    says(tmp_path)
    assert not gitea.ready()
    assert gitea.build() == gitea.program
    assert gitea.ready()
    assert (gitea.files / "options/locale/en.json").read_text() == "options/locale/en.json"
    assert sorted(path.name for path in gitea.files.iterdir()) == ["options", "public", "templates"]


def test_half_of_the_files_are_never_taken_for_all_of_them(gitea: Gitea, tmp_path: Path) -> None:
    path = says(tmp_path)
    whole = path.read_bytes()
    # The name of a file within the archive is another than its list says.
    path.write_bytes(whole.replace(b"templates/home", b"damaged!!/home", 1))
    with pytest.raises(zipfile.BadZipFile):
        gitea.build()
    assert not gitea.ready()
    path.write_bytes(whole)
    gitea.build()
    assert gitea.ready()
    assert (gitea.files / "templates/home.tmpl").exists()


def test_an_archive_of_another_version_is_refused(gitea: Gitea, tmp_path: Path) -> None:
    says(tmp_path, "v1.0.0")
    with pytest.raises(RefusalError, match=r"go\.mod pins Gitea v1\.0\.0, not v1\."):
        gitea.build()
    assert not gitea.ready()
