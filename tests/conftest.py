"""The clusters that tests share: one API server for all that need no node, one node for all that do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dev.cluster import Cluster


@pytest.fixture(scope="session")
def apiserver() -> Iterator[Cluster]:
    """etcd, kube-apiserver, its controllers and kwok: everything real but kubelet and containers."""
    cluster = Cluster("spark-test", kubeless=True, tmpfs=True)
    cluster.up()
    yield cluster
    cluster.down()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes seconds first, so that a broken rule is seen before a cluster is up."""
    order = {"apiserver": 1, "node": 2}
    items.sort(key=lambda item: max((order.get(m.name, 0) for m in item.iter_markers()), default=0))
