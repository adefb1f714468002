"""The long runs that pages name are targets of the Makefile, and options that the program takes.

What they run is run by the tests, for a moment each (tests/faults, tests/chaos, tests/bench).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.pages import DOCS, ROOT, blocks


def lines(page: str) -> list[str]:
    shown = [line for block in blocks(DOCS / page, "sh") for line in block.text.splitlines()]
    return [re.sub(r"\s*#.*", "", line) for line in shown]


@pytest.mark.parametrize("page", ["reliability.md", "performance.md"])
def test_each_make_is_a_target(page: str) -> None:
    made = [line.split()[1:] for line in lines(page) if line.startswith("make ")]
    assert len(made) >= 4
    for arguments in made:
        subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)


def test_the_benchmark_takes_the_options_that_are_shown() -> None:
    shown = [line for line in lines("performance.md") if "-m bench" in line]
    assert shown
    usage = subprocess.run(
        [sys.executable, "-m", "bench", "--help"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    for line in shown:
        for option in re.findall(r"--[a-z-]+", line):
            assert option in usage


def test_nothing_else_is_shown_there() -> None:
    for page in ("reliability.md", "performance.md"):
        for line in lines(page):
            assert line.startswith("make ") or Path(line.split()[0]).name == "python", line
