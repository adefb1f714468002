"""A world with an operator that leads in it, for the tests of a whole module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.cluster import Cluster
from tests.support.process import Operator
from tests.support.world import World


@contextmanager
def served_world(apiserver: Cluster, folder: Path) -> Iterator[World]:
    world = World(apiserver)
    operator = Operator(world.kubeconfig, folder, namespace=world.namespace)
    try:
        operator.start().wait_leading()
        yield world
    finally:
        operator.kill()
        world.close()
