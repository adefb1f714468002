"""One installation for all of a file, on an API server of its own that logs each request."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dev.cluster import Cluster
from tests.security.installation import Installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    cluster = Cluster(
        f"security-{os.getpid()}-{worker}",
        kubeless=True,
        tmpfs=True,
        audit=True,
        dies_with_caller=True,
    )
    made: Installation | None = None
    try:
        cluster.up()
        made = Installation(cluster, tmp_path_factory.mktemp("security"))
        yield made
    finally:
        if made is not None:
            made.close()
        cluster.down()
