"""A Job that cannot be made: the run fails, the message says why, and the next attempt is another Job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.faults.proxy import CREATE_JOB, Call, Fault, Proxy
from tests.operator.support import NEVER_AGAIN, QUICK, moment, runs
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module")
def proxy(apiserver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    started = Proxy(apiserver.kubeconfig, tmp_path_factory.mktemp("proxy")).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def world(
    apiserver: Any, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The operator's way to the API server leads through the proxy; the test's own does not."""
    made = World(apiserver)
    folder = tmp_path_factory.mktemp("operator")
    operator = Operator(proxy.kubeconfig, folder, namespace=made.namespace)
    try:
        operator.start().wait_leading()
        yield made
    finally:
        operator.kill()
        made.close()


def is_rejected(world: World, name: str, number: int, says: str) -> None:
    """What stands in the status after a create that the same request would not mend."""
    run = world.wait_outcome(name, number, seconds=10)
    assert (run["number"], run["outcome"], run["errorClass"]) == (number, "Failed", "rejected")
    assert run["message"].startswith("The Job could not be made: ")
    assert says in run["message"]
    ready = world.condition(name)
    assert (ready["status"], ready["reason"]) == ("False", "BackingOff")
    assert says in ready["message"]
    waits = moment(world.status(name)["nextUpdateAt"]) - moment(run["finishedAt"])
    assert waits == timedelta(seconds=3600), "the ladder"
    until(lambda: ("Warning", "BackingOff") in {e[:2] for e in world.events(name)}, 5, "no Event")


@pytest.mark.parametrize("code", [400, 403, 404, 422])
def test_an_answer_that_the_same_create_would_get_again_is_a_failed_run_with_the_servers_words(
    world: World, proxy: Proxy, code: int
) -> None:
    name = f"code-{code}"

    def of_this(call: Call) -> bool:
        return CREATE_JOB(call) and f'"{name}-'.encode() in call.body

    fault = proxy.add(Fault(of_this, answer=code))
    world.make(name, fate=QUICK, **NEVER_AGAIN)
    is_rejected(world, name, 1, "injected")
    assert len(fault.met) == 1, "it was sent once"
    world.request(name, "again")
    run = world.wait_outcome(name, 2)
    assert (run["outcome"], run["attempt"]) == ("Succeeded", 1)
    assert run["jobName"].endswith("-2")


def test_a_quota_is_named_and_the_retry_works_once_it_is_raised(world: World) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    world.core.create_namespaced_resource_quota(world.namespace, quota)
    try:
        until(
            lambda: bool(
                world.core.read_namespaced_resource_quota("none", world.namespace).status.hard
            ),
            10,
        )
        world.make("refused", fate=QUICK, **NEVER_AGAIN)
        world.make("retried", fate=QUICK, retryDelaysSeconds=[4])
        is_rejected(world, "refused", 1, "exceeded quota")
        assert world.wait_outcome("retried", 1)["errorClass"] == "rejected"
    finally:
        world.core.delete_namespaced_resource_quota("none", world.namespace)
    run = world.wait_outcome("retried", 2, seconds=20)
    assert (run["attempt"], run["trigger"], run["outcome"]) == (2, "Retry", "Succeeded")


def test_a_pod_template_that_the_api_server_does_not_take_is_named(world: World) -> None:
    asks_for_more_than_it_may = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    world.change_scheduler(podTemplate={"resources": asks_for_more_than_it_may})
    try:
        world.make("picky", fate=QUICK, **NEVER_AGAIN)
        is_rejected(world, "picky", 1, "less than or equal to memory limit")
    finally:
        world.change_scheduler(podTemplate=None)
    world.request("picky", "mended")
    assert world.wait_outcome("picky", 2)["outcome"] == "Succeeded"


def test_a_job_of_another_owner_under_the_claimed_name_is_rejected_and_left_alone(
    world: World,
) -> None:
    world.make("rival", fate=QUICK, **NEVER_AGAIN)
    name = world.wait_outcome("rival", 1)["jobName"].removesuffix("-1") + "-2"
    body: dict[str, Any] = {
        "metadata": {"name": name},
        "spec": {
            "suspend": True,
            "template": {
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
            },
        },
    }
    uid = world.jobs.create_namespaced_job(world.namespace, body).metadata.uid
    world.request("rival", "go")
    is_rejected(world, "rival", 2, "another owner")
    assert world.jobs.read_namespaced_job(name, world.namespace).metadata.uid == uid
    # The number goes on, so the next attempt does not meet it again.
    world.request("rival", "go on")
    assert world.wait_outcome("rival", 3)["outcome"] == "Succeeded"
    assert runs(world, "rival") == 3
