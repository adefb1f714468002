"""The images of this checkout, read once."""

from __future__ import annotations

from pathlib import Path

import pytest
from dev.images import Images
from dev.supply import contents
from dev.supply.contents import Contents
from dev.supply.licences import Rules


@pytest.fixture(scope="session")
def archives() -> dict[str, Path]:
    """Built before, by `make images`; else here."""
    return Images().build()


@pytest.fixture(scope="session")
def images(archives: dict[str, Path]) -> list[Contents]:
    return [contents.of(target, path) for target, path in archives.items()]


@pytest.fixture(scope="session")
def rules() -> Rules:
    return Rules.read()
