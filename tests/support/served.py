"""A world with an operator that leads in it, for the tests of a whole module.

The operator is who it is when the chart installs it: what it does there it does with the chart's rights, and
each Job that it makes passes the chart's admission policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.cluster import Cluster
from tests.support.account import Account
from tests.support.process import Operator
from tests.support.world import World


@contextmanager
def served_world(apiserver: Cluster, folder: Path) -> Iterator[World]:
    world = World(apiserver)
    account = Account(apiserver, folder, namespace=world.namespace)
    operator = Operator(account.kubeconfig, folder, namespace=world.namespace)
    try:
        operator.start().wait_leading()
        yield world
    finally:
        operator.kill()
        account.close()
        world.close()
