"""The upgrade is tested from a commit of the past: where git does not give it, somebody hears why."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.support import history
from tests.support.pages import ROOT

ABSENT = "0" * 39 + "1"
SOMEBODY = 65534
# pytest's own, by which it ends a test: both derive from BaseException.
SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(
        ["git", *who, "-C", root, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With one commit, and a configuration of git that nobody else has."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "file").write_text("then")
    git(root, "add", "file")
    git(root, "commit", "--quiet", "--message", "Begin")
    (root / "file").write_text("now")
    return root


def test_the_files_of_a_commit_are_written(checkout: Path, tmp_path: Path) -> None:
    history.unpack(checkout, git(checkout, "rev-parse", "HEAD"), tmp_path / "then")
    assert (tmp_path / "then" / "file").read_text() == "then"


def test_a_commit_that_is_not_there_skips_at_home_and_says_what_git_said(
    checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(SKIPPED, match=r"(?s)not a tree object.*--unshallow"):
        history.unpack(checkout, ABSENT, tmp_path)


def test_a_commit_that_is_not_there_fails_in_ci(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(FAILED, match="not a tree object"):
        history.unpack(checkout, ABSENT, tmp_path)


def test_what_ci_configures_lets_git_read_a_checkout_of_somebody_else(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in its container: root there, and the workspace another's. Nothing else is trusted."""
    if os.geteuid() != 0:
        pytest.skip("giving a folder away needs root")
    commit = git(checkout, "rev-parse", "HEAD")
    for path in (checkout, checkout / ".git"):
        os.chown(path, SOMEBODY, SOMEBODY)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(FAILED, match="dubious ownership"):
        history.unpack(checkout, commit, tmp_path / "before")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    (configuring,) = [
        step["run"] for step in jobs["run"]["steps"] if "safe.directory" in step.get("run", "")
    ]
    environment = {**os.environ, "GITHUB_WORKSPACE": str(checkout)}
    subprocess.run(["bash", "-e", "-c", configuring], env=environment, cwd="/", check=True)
    history.unpack(checkout, commit, tmp_path / "after")
    assert (tmp_path / "after" / "file").read_text() == "then"
