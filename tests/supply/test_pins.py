"""What is installed is pinned by hash, and comes from nowhere but where the machine says."""

from __future__ import annotations

import re

import pytest
from tests.support.pages import ROOT

FILES = sorted((ROOT / "requirements").glob("*.txt"))


def test_all_requirements_are_looked_at() -> None:
    assert {path.name for path in FILES} == {"build.txt", "dev.txt", "operator.txt", "runner.txt"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_requirement_has_one_version_and_hashes_and_there_is_nothing_else(
    path: object,
) -> None:
    text = path.read_text()
    requirements = text.replace("\\\n", "").splitlines()
    assert len(requirements) > 3
    for line in requirements:
        pinned = r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==[^\s;]+( ; [^#]+?)?"
        assert re.fullmatch(rf"{pinned}(\s+--hash=sha256:[0-9a-f]{{64}})+\s*", line), line[:80]


def test_whoever_makes_an_environment_asks_for_the_hashes() -> None:
    """The Dockerfile, too: tests/chart/test_image.py."""
    lines = re.findall(r"pip install.* -r .*", (ROOT / "Makefile").read_text())
    assert lines
    assert all("--require-hashes" in line for line in lines)
