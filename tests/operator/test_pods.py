"""Pods that end or wait without a word of the runner."""

from __future__ import annotations

import pytest
from tests.operator.support import (
    NEVER_AGAIN,
    QUICK,
    end_pod,
    job_of,
    pod_of,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def waiting(world: World) -> None:
    """What takes half a minute begins with the module."""
    claim = {
        "metadata": {"name": "nobody-provides"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    destination = {"type": "duckdb", "claimName": "nobody-provides"}
    world.make("homeless", fate=QUICK, destination=destination, timeoutSeconds=30, **NEVER_AGAIN)


def test_a_pod_that_filled_its_disk_is_evicted_and_the_message_says_so(world: World) -> None:
    world.make("greedy", fate={"outcome": "hang"}, **NEVER_AGAIN)
    pod = pod_of(world, job_of(world, "greedy"))
    # kubelet marks no disruption here: it is the pod's own doing.
    end_pod(world, pod, reason="Evicted", message='Usage of EmptyDir volume "tmp" exceeds 1Gi.')
    run = world.wait_outcome("greedy", 1, seconds=10)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "evicted")
    assert "exceeds 1Gi" in world.condition("greedy")["message"]


def test_a_pod_that_fits_nowhere_is_said_while_it_waits_and_remembered_at_the_deadline(
    world: World,
) -> None:
    until(
        lambda: "No node takes the pod" in world.condition("homeless").get("message", ""),
        25,
        lambda: f"{world.status('homeless')}",
    )
    assert world.run("homeless")["outcome"] == "Running"
    run = world.wait_outcome("homeless", 1, seconds=40)
    assert run["errorClass"] == "unschedulable"
    assert "PersistentVolumeClaim" in run["message"]


def test_a_drained_pod_is_replaced_within_the_run_and_nothing_failed(world: World) -> None:
    world.make("drained", fate={"delay": "4s"})
    job = job_of(world, "drained")
    disruption = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    end_pod(world, pod_of(world, job), conditions=[disruption])
    run = world.wait_outcome("drained", 1)
    pods = world.core.list_namespaced_pod(
        world.namespace, label_selector=f"batch.kubernetes.io/job-name={job}"
    )
    assert len(pods.items) == 2
    assert (run["outcome"], run["number"], run["attempt"]) == ("Succeeded", 1, 1)
    assert world.events("drained") == []
