"""The clusters that tests share: one API server for all that need no node, one node for all that do."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dev.cluster import Cluster


@pytest.fixture(scope="session")
def apiserver() -> Iterator[Cluster]:
    """etcd, kube-apiserver, its controllers and kwok: everything real but kubelet and containers."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    cluster = Cluster(f"test-{os.getpid()}-{worker}", kubeless=True, tmpfs=True)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker a file, and one for all files that share the real node: before xdist reads the marks.

    The longest first, since with several workers the last to finish is what one waits for; a single
    process begins with what is quick, so that a broken rule is seen before a cluster is up.
    """
    order = {"apiserver": 1, "node": 2}
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    for item in items:
        shares_node = item.path.parent.name == "e2e"
        item.add_marker(pytest.mark.xdist_group("node" if shares_node else str(item.path)))
    items.sort(
        key=lambda item: max((order.get(m.name, 0) for m in item.iter_markers()), default=0),
        reverse=parallel,
    )
