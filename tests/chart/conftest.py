"""Helm, and an API server with our kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
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


@pytest.fixture(scope="session")
def helm() -> Run:
    """Helm without a cluster."""
    Toolchain().build()
    return run("helm", None)
