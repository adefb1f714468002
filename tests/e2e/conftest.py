"""The whole product on a real node: images from the Dockerfile, the chart, the demonstration's parts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from dev.cluster import Cluster
from dev.demo.place import Place, local
from dev.demo.run import Demo


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """A node of these tests' own, with the images of this checkout."""
    cluster = Cluster(f"e2e-{os.getpid()}", tmpfs=True)
    try:
        yield local(cluster)
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def demo(place: Place) -> Demo:
    """Installed by Helm, with a shop, a PostgreSQL and a volume; no Integration yet."""
    made = Demo(place, say=lambda _: None)
    made.install()
    made.source()
    made.destinations()
    return made


@pytest.fixture(scope="session")
def fetched(demo: Demo) -> Demo:
    """The demonstration's four Integrations, each as it must be."""
    demo.integrations()
    return demo


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed here is told by the cluster: states, Events and logs go with the report."""
    report = yield
    found = getattr(item, "funcargs", {}).get("place")
    if report.failed and isinstance(found, Place):
        told: list[str] = []
        Demo(found, say=told.append).explain()
        report.sections.append(("the cluster", "\n".join(told)))
    return report
