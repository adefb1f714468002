"""Helm, and API servers with and without our kinds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from dev.cluster import Cluster
from dev.toolchain import Toolchain
from tests.chart.support import Run, Server, run


@pytest.fixture(scope="module")
def server(apiserver: Any) -> Iterator[Server]:
    """The tests' API server, with the CRDs and an empty namespace."""
    there = Server(apiserver.kubeconfig)
    there.install_crds()
    there.kubectl("create", "namespace", there.namespace)
    yield there
    there.kubectl("delete", "namespace", there.namespace, "--wait=false")


@pytest.fixture(scope="module")
def fresh() -> Iterator[Server]:
    """An API server of our own that has never heard of our kinds."""
    cluster = Cluster(f"chart-{os.getpid()}", kubeless=True, tmpfs=True)
    try:
        cluster.up()
        yield Server(cluster.kubeconfig)
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def helm() -> Run:
    """Helm without a cluster."""
    Toolchain().build()
    return run("helm", None)
