"""Clusters of these tests' own, beside whatever the developer has running."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dev.cluster import Cluster


@pytest.fixture
def clusters() -> Iterator[Callable[..., Cluster]]:
    """Make clusters by a short name; each is taken down in the end, however the test went."""
    made: list[Cluster] = []

    def make(name: str = "a", **options: Any) -> Cluster:
        options = {"kubeless": True, "tmpfs": True, **options}
        made.append(Cluster(f"test-{os.getpid()}-{name}", **options))
        return made[-1]

    yield make
    for cluster in made:
        cluster.down()
