"""kube-apiserver and etcd are killed and started again, or hang, on a cluster of these tests' own."""

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
from tests.support.world import CRDS, World
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


@pytest.mark.parametrize(
    ("component", "fault"), [("apiserver", "killed"), ("apiserver", "paused"), ("etcd", "killed")]
)
def test_a_server_killed_or_hanging_while_fetches_are_dispatched_doubles_and_loses_nothing(
    apiserver: Cluster,
    world: World,
    operators: Callable[..., Operator],
    recorder: Recorder,
    component: str,
    fault: str,
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
    stop, go_on = (
        (apiserver.kill, apiserver.start)
        if fault == "killed"
        else (apiserver.pause, apiserver.resume)
    )
    stop(component)
    try:
        until(lambda: "lease" in operator.output(), 20, operator.output)
    finally:
        go_on(component)
        making.join()
    # The stand-in for the kubelet tries each step of a pod once, unlike a real one: what failed while
    # the server was away it takes up only when it starts.
    apiserver.kill("kwok")
    apiserver.start("kwok")
    operator.wait_leading(60)
    for name in names:
        insist(lambda one=name: world.wait_outcome(one, 1))  # type: ignore[misc]
        run = world.run(name)
        assert (run["number"], run["outcome"]) == (1, "Succeeded"), name
        assert recorder.runs(world.get(name)["metadata"]["uid"]) == [1]
    assert recorder.overlaps() == []
    assert (operator.running, operator.pid) == (True, pid)


def test_a_kind_that_is_deleted_and_made_anew_is_watched_again(
    apiserver: Cluster, world: World, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    """Its watch ends in an error that no repetition mends, and must not take the other watches along."""
    operator = operators().start().wait_leading()
    world.make("before", fate=QUICK)
    world.wait_outcome("before", 1)
    apiserver.kubectl("delete", "crd", "integrations.spark-integrations.dev")
    until(lambda: "are not installed" in operator.output(), 30, operator.output)
    apiserver.kubectl("apply", "--server-side", "-f", str(CRDS))
    insist(lambda: world.make("after", fate=QUICK))
    insist(lambda: world.wait_outcome("after", 1))
    assert world.run("after")["number"] == 1
    assert operator.leads()
