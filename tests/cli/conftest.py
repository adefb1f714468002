"""One world and one operator for a module, as in tests/operator, and the command beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.support import Spark
from tests.support.process import Operator
from tests.support.world import World


@pytest.fixture(scope="module")
def world(apiserver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(apiserver)
    operator = Operator(
        made.kubeconfig, tmp_path_factory.mktemp("operator"), namespace=made.namespace
    )
    try:
        operator.start().wait_leading()
        yield made
    finally:
        operator.kill()
        made.close()


@pytest.fixture(scope="module")
def spark(world: World) -> Spark:
    return Spark.of(world)
