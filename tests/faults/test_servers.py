"""kube-apiserver and etcd are killed and started again, on a cluster of these tests' own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from dev.cluster import Cluster
from kubernetes.client.exceptions import ApiException
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World
from urllib3.exceptions import HTTPError

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}


@pytest.fixture(scope="module")
def apiserver() -> Iterator[Cluster]:
    """Not the shared one: whoever tests beside us needs that."""
    cluster = Cluster(f"servers-{os.getpid()}", kubeless=True, tmpfs=True, dies_with_caller=True)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def insist(act: Callable[[], object]) -> None:
    """Do it, however often it takes: the server is away in between."""

    def done() -> bool:
        try:
            act()
        except (ApiException, HTTPError) as error:
            # What was made before the answer was lost is made.
            return isinstance(error, ApiException) and error.status == 409
        return True

    until(done, 60)


@pytest.mark.parametrize("component", ["apiserver", "etcd"])
def test_a_server_killed_while_fetches_are_dispatched_doubles_and_loses_nothing(
    apiserver: Cluster,
    world: World,
    operators: Callable[..., Operator],
    recorder: Recorder,
    component: str,
) -> None:
    operator = operators().start().wait_leading()
    names = [f"i{number}" for number in range(24)]
    pid = operator.pid

    def burst() -> None:
        for name in names:
            insist(lambda one=name: world.make(one, fate=QUICK))  # type: ignore[misc]

    making = threading.Thread(target=burst)
    making.start()
    until(lambda: "dispatched" in operator.output(), 20, operator.output)
    apiserver.kill(component)
    try:
        until(lambda: "lease" in operator.output(), 20, operator.output)
    finally:
        apiserver.start(component)
        making.join()
    operator.wait_leading(60)
    for name in names:
        insist(lambda one=name: world.wait_outcome(one, 1))  # type: ignore[misc]
        run = world.run(name)
        assert (run["number"], run["outcome"]) == (1, "Succeeded"), name
        assert recorder.runs(world.get(name)["metadata"]["uid"]) == [1]
    assert recorder.overlaps() == []
    assert (operator.running, operator.pid) == (True, pid)
