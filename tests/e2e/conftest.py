"""The whole product on a real node: images from the Dockerfile, the chart, the demonstration's parts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from dev.cluster import Cluster
from dev.demo.place import Place, local
from dev.demo.run import NAMESPACE, Demo
from tests.e2e import echo_service, shop

_PLACE = pytest.StashKey[Place]()
_EXPLAINED = pytest.StashKey[BaseException]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What measures how soon a pod starts comes first, while the node has nothing else to do.

    The tests of the removal come last: after them there are only those that begin with nothing.
    """
    order = {
        "test_fetch_start.py": -1,
        "test_removal.py": 1,
        "test_getting_started.py": 2,
        "test_upgrade.py": 3,
    }
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.parent == here, order.get(item.path.name, 0)))


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A node of these tests' own, with the images of this checkout."""
    cluster = Cluster(f"e2e-{os.getpid()}", tmpfs=True)
    try:
        made = local(cluster)
        request.session.stash[_PLACE] = made
        yield made
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def demo(place: Place) -> Demo:
    """Installed by Helm, with a shop, a PostgreSQL and a volume; no Integration yet."""
    made = Demo(place, say=lambda _: None, namespaces=(NAMESPACE, shop.NAMESPACE))
    made.install()
    made.source()
    made.destinations()
    return made


@pytest.fixture(scope="session")
def fetched(demo: Demo) -> Demo:
    """The demonstration's four Integrations, each as it must be."""
    demo.integrations()
    return demo


@pytest.fixture(scope="session")
def echo(demo: Demo) -> None:
    """A service that repeats what it is told (``echo.py``)."""
    echo_service.up(demo.place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed here is told by the cluster: states, Events and logs go with the report.

    Once a cause: a fixture that failed fails each of its tests.
    """
    report = yield
    stash = item.session.stash
    cause = call.excinfo.value if report.failed and call.excinfo is not None else None
    if cause is not None and _PLACE in stash and stash.get(_EXPLAINED, None) is not cause:
        stash[_EXPLAINED] = cause
        told: list[str] = []
        Demo(stash[_PLACE], say=told.append).explain()
        report.sections.append(("the cluster", "\n".join(told)))
    return report
