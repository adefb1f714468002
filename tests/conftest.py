"""The clusters that tests share: one API server for all that need no node, one node for all that do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dev.cluster import Cluster
from dev.prometheus import Prometheus
from hypothesis import settings

# `make test` draws the same examples each time, so that a change is blamed only for what it did;
# `make search` draws new ones, many more, and is where a hole in a rule or in its property shows.
settings.register_profile("repeatable", deadline=None, max_examples=200, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def apiserver() -> Iterator[Cluster]:
    """etcd, kube-apiserver, its controllers and kwok: everything real but kubelet and containers."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"test-{os.getpid()}-{worker}"
    cluster = Cluster(name, kubeless=True, tmpfs=True, dies_with_caller=True)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def built_prometheus() -> Prometheus:
    prometheus = Prometheus()
    if not prometheus.ready():
        pytest.skip("Prometheus is not built: make prometheus")
    return prometheus


@pytest.fixture(scope="session")
def promtool(built_prometheus: Prometheus) -> Path:
    return built_prometheus.promtool


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In one process the quick tests come first, so that a broken rule is seen before a cluster is up;
    of several workers one waits for the last, so there the long files are given out first."""
    for item in items:
        # Each of these brings operators of its own up, which takes seconds before the first test.
        if item.path.parent.name in ("operator", "faults"):
            item.add_marker(pytest.mark.slow)
    order = {"apiserver": 1, "slow": 2, "node": 3}
    items.sort(
        key=lambda item: max((order.get(m.name, 0) for m in item.iter_markers()), default=0),
        reverse="PYTEST_XDIST_WORKER" in os.environ,
    )
