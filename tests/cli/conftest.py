"""One world and one operator for a module, as in tests/operator, and the command beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dev.cluster import Cluster
from tests.cli.support import Spark
from tests.support.served import served_world
from tests.support.world import World


@pytest.fixture(scope="module")
def world(apiserver: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_world(apiserver, tmp_path_factory.mktemp("operator")) as world:
        yield world


@pytest.fixture(scope="module")
def spark(world: World) -> Spark:
    return Spark.of(world)
