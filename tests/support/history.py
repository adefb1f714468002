"""The sources of an earlier commit, for tests that begin with the release before."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest


def unpack(root: Path, commit: str, to: Path) -> None:
    """Write the files of `commit` of the checkout `root` into the folder `to`.

    Where git cannot, the test is skipped, since a shallow clone is nobody's mistake; but it fails on GitHub,
    whose checkout the workflow makes, and where nobody reads what was skipped. What git said is told either way.
    """
    packed = subprocess.run(
        ["git", "-C", str(root), "archive", commit], capture_output=True, check=False
    )
    if packed.returncode != 0:
        said = packed.stderr.decode(errors="replace").strip()
        told = (
            f"git has not given commit {commit} of {root}: {said}\n"
            "(if it does not know the commit: git fetch --unshallow)"
        )
        if os.environ.get("GITHUB_ACTIONS") == "true":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(to, filter="data")
