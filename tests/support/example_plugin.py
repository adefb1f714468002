"""The plugin of docs/example-plugin, built as its page says."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "docs" / "example-plugin"


def build(folder: Path) -> Path:
    """A copy of the example with its wheel in dist/."""
    copy = folder / "example-plugin"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("dist", "__pycache__"))
    hatchling = Path(sys.executable).with_name("hatchling")
    subprocess.run(
        [hatchling, "build", "--target", "wheel"], cwd=copy, check=True, capture_output=True
    )
    return copy


def unpack(copy: Path, target: Path) -> Path:
    """As the Dockerfile does it: a folder for PYTHONPATH."""
    for wheel in (copy / "dist").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    return target
