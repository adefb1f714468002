"""What the images are built from."""

from __future__ import annotations

import re

import pytest
from tests.chart.support import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def pins(name: str) -> dict[str, str]:
    """The requirements of a file, each with its hashes."""
    text = (ROOT / "requirements" / name).read_text()
    blocks = re.findall(r"^[a-z0-9].*\n(?: .*\n?)*", text, re.MULTILINE)
    return {re.split(r"[=\[ ;]", block)[0]: block.strip() for block in blocks}


def test_the_tool_that_builds_the_wheel_is_pinned_as_for_developers() -> None:
    build, dev = pins("build.txt"), pins("dev.txt")
    assert "hatchling" in build
    for name, block in build.items():
        assert "--hash=sha256:" in block
        assert block == dev[name], f"requirements/build.txt: {name} differs from dev.txt"


def test_nothing_is_installed_without_a_hash() -> None:
    installs = re.findall(r"pip\b.* install (.*)", DOCKERFILE)
    assert len(installs) == 4
    for arguments in installs:
        assert "--require-hashes" in arguments or "--no-index --no-deps" in arguments


def test_the_build_sees_all_that_it_copies_and_nothing_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    seen = {line[1:] for line in ignore if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {word.partition("/")[0] for line in copied for word in line.split()} == seen
    assert "*" in ignore


@pytest.mark.parametrize(
    ("target", "command"), [("operator", "spark-operator"), ("runner", "spark-fetch")]
)
def test_each_image_runs_its_command_as_an_ordinary_user(target: str, command: str) -> None:
    _, _, stage = DOCKERFILE.partition(f"FROM base AS {target}\n")
    stage, _, _ = stage.partition("\nFROM ")
    assert stage.rstrip().endswith(f'USER 65532:65532\nENTRYPOINT ["{command}"]')
