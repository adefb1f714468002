"""One world and one operator for a module: the tests of a module share them, and change their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dev.cluster import Cluster
from tests.support.served import served_world
from tests.support.world import World


@pytest.fixture(scope="module")
def world(apiserver: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_world(apiserver, tmp_path_factory.mktemp("operator")) as world:
        yield world
