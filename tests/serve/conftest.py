"""Fake time for every test of this folder: an hour passes in a moment, and exactly."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "serve":
            item.add_marker(pytest.mark.looptime)
