"""The reader of the pages condemns what does not do, or does not say, what a page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.reader import Unlike, pattern, read

# Found among the built tools, as the commands of the pages find kubectl.
pytestmark = pytest.mark.apiserver


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.write_text("{}")
    return made


def page(tmp_path: Path, *blocks: tuple[str, str]) -> Path:
    made = tmp_path / "page.md"
    made.write_text("".join(f"```{language}\n{text}\n```\n" for language, text in blocks))
    (tmp_path / "at-home").mkdir()
    return made


def test_the_commands_of_a_page_share_a_shell_and_find_its_files(
    tmp_path: Path, kubeconfig: Path
) -> None:
    made = page(
        tmp_path,
        ("sh", "word=hello"),
        ("yaml", "# file.yaml\nkey: https://far.example"),
        ("sh", "cat file.yaml\necho $word"),
        ("console", "key: https://far.example\nhello"),
    )
    said = read(made, tmp_path / "at-home", kubeconfig, instead={"https://far": "http://near"})
    assert "key: http://near.example\nhello" in said


def test_a_command_that_fails_is_named_by_its_line(tmp_path: Path, kubeconfig: Path) -> None:
    made = page(tmp_path, ("sh", "true"), ("sh", "echo so far; false; echo on"), ("sh", "true"))
    with pytest.raises(Unlike, match=r"page.md:5: exit status 1\n(.|\n)*so far"):
        read(made, tmp_path / "at-home", kubeconfig)


def test_a_failure_within_a_pipe_is_one(tmp_path: Path, kubeconfig: Path) -> None:
    with pytest.raises(Unlike):
        read(page(tmp_path, ("sh", "false | cat")), tmp_path / "at-home", kubeconfig)


@pytest.mark.parametrize("shown", ["two\none", "three", "one two"], ids=["order", "absent", "line"])
def test_output_that_is_not_as_shown_is_told(tmp_path: Path, kubeconfig: Path, shown: str) -> None:
    made = page(tmp_path, ("sh", "echo one\necho two"), ("console", shown))
    with pytest.raises(Unlike, match="no line"):
        read(made, tmp_path / "at-home", kubeconfig)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("NAME   AGE", "NAME     AGE"),
        ("x  3m", "x   1h2m"),
        ("Next at 2026-01-31T12:00:00Z.", "Next at 2027-02-01T13:14:15Z."),
        ("orders-0f0f0f0f-1", "orders-1a2b3c4d-42"),
        ("op-6b7f9d8c5d-4xk2p_…", "op-7fdfcf49aa-2vfnk_0109d859"),
        ("Loaded … rows.", "Loaded 12 rows."),
    ],
)
def test_what_is_another_each_time_stands_for_any(shown: str, said: str) -> None:
    assert re.fullmatch(pattern(shown), said)


@pytest.mark.parametrize(
    ("shown", "said"), [("x  3m", "x  y"), ("50 rows", "51 rows"), ("a.b", "axb"), ("3d", "")]
)
def test_what_is_the_same_each_time_must_be_the_same(shown: str, said: str) -> None:
    assert not re.fullmatch(pattern(shown), said)
