"""A world of its own for each test, on the API server that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.proxy import Proxy
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.world import World


@pytest.fixture
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture
def recorder(world: World) -> Iterator[Recorder]:
    """Afterwards no run may have had two Jobs, and no Integration two unfinished ones at a time."""
    started = Recorder(world.kubeconfig, world.namespace).start()
    yield started
    started.stop()
    assert started.doubles() == []
    assert started.history.created_after_outcome == []


@pytest.fixture
def proxy(world: World, tmp_path: Path) -> Iterator[Proxy]:
    started = Proxy(world.kubeconfig, tmp_path).start()
    yield started
    started.stop()


@pytest.fixture
def operators(world: World, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Make operators; each is killed in the end."""
    made: list[Operator] = []

    def make(kubeconfig: object = None, **options: Any) -> Operator:
        name = f"operator-{len(made)}"
        made.append(
            Operator(
                str(kubeconfig or world.kubeconfig),
                tmp_path,
                namespace=world.namespace,
                name=name,
                **options,
            )
        )
        return made[-1]

    yield make
    for operator in made:
        operator.kill()
