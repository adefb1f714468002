"""Jobs that must not be: nobody claimed them, somebody deleted them, or they do not end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, job_of, moment, runs
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

HOLD = "example.com/hold"


def stray(world: World, name: str, number: int, *, owner: str) -> str:
    """An unfinished Job of that Integration and run, as a leader that was frozen would leave it."""
    body: dict[str, Any] = {
        "metadata": {
            "name": f"{name}-stray-{number}",
            "labels": {
                "app.kubernetes.io/managed-by": "spark-integrations",
                "spark-integrations.dev/run": str(number),
            },
            "ownerReferences": [
                {
                    "apiVersion": "spark-integrations.dev/v1",
                    "kind": "Integration",
                    "name": name,
                    "uid": owner,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "template": {
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
            },
        },
    }
    made = world.jobs.create_namespaced_job(world.namespace, body)
    return str(made.metadata.name)


@pytest.fixture(scope="module", autouse=True)
def waiting(world: World) -> dict[str, Any]:
    """What takes its time begins with the module: a Job that is gone, and one that does not end."""
    world.make("gone", fate={"outcome": "hang"}, retryDelaysSeconds=[1])
    world.make("endless", fate={"outcome": "hang"}, **NEVER_AGAIN)
    world.delete("job", job_of(world, "gone"))
    lost = world.wait_outcome("gone", 1, seconds=10)
    world.request("gone", "now")

    job = job_of(world, "endless")
    uid = world.jobs.read_namespaced_job(job, world.namespace).metadata.uid
    # A Job that somebody paused has no deadline for Kubernetes, so nobody but the operator ends it.
    world.jobs.patch_namespaced_job(
        job, world.namespace, {"spec": {"suspend": True, "activeDeadlineSeconds": 1}}
    )
    # It stands for a pod that does not go: a deletion in the foreground waits for it, no other does.
    pod = {
        "metadata": {
            "name": "survivor",
            "finalizers": [HOLD],
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": job,
                    "uid": uid,
                    "blockOwnerDeletion": True,
                }
            ],
        }
    }
    world.core.create_namespaced_config_map(world.namespace, pod)
    return {"gone": lost, "endless": job}


def release(world: World) -> None:
    world.core.patch_namespaced_config_map(
        "survivor", world.namespace, {"metadata": {"finalizers": None}}
    )


@pytest.mark.parametrize("number", [1, 9], ids=["of an earlier run", "of a run to come"])
def test_an_unfinished_job_that_nobody_claimed_is_deleted_at_once_and_announced(
    world: World, number: int
) -> None:
    name = f"haunted-{number}"
    uid = world.make(name, fate=QUICK)
    world.wait_outcome(name, 1)
    job = stray(world, name, number, owner=uid)
    assert until(lambda: job not in world.job_names(), 10, "the stray stays") < 5
    until(lambda: "Superseded" in {e[1] for e in world.events(name)}, 5, "no Event")
    (told,) = [e for e in world.events(name) if e[1] == "Superseded"]
    assert told[0] == "Warning"
    assert job in told[2]
    assert runs(world, name) == 1
    assert world.run(name)["outcome"] == "Succeeded"


def test_a_stray_beside_a_run_goes_and_the_run_goes_on(world: World) -> None:
    uid = world.make("crowded", fate={"delay": "4s"})
    ours = job_of(world, "crowded")
    other = stray(world, "crowded", 1, owner=uid)
    until(lambda: other not in world.job_names(), 10, "the stray stays")
    assert ours in world.job_names()
    run = world.wait_outcome("crowded", 1)
    assert (run["number"], run["outcome"], run["jobName"]) == (1, "Succeeded", ours)


def test_a_job_deleted_while_it_runs_is_lost_and_neither_retry_nor_request_comes_before_its_grace(
    world: World, waiting: dict[str, Any]
) -> None:
    lost = waiting["gone"]
    assert (lost["number"], lost["outcome"], lost["errorClass"]) == (1, "Failed", "lost")
    assert "was deleted while it ran" in lost["message"]
    job_of(world, "gone", 2, seconds=40)
    again = world.run("gone")
    # The pod of the deleted Job may live on for its grace period, so the second of the delay is not all.
    waited = moment(again["startedAt"]) - moment(lost["finishedAt"])
    assert timedelta(seconds=20) <= waited < timedelta(seconds=30)
    assert (again["attempt"], again["trigger"]) == (1, "Requested")


def test_a_job_that_overstays_is_deleted_in_the_foreground_and_nothing_is_claimed_before_it_is_gone(
    world: World, waiting: dict[str, Any]
) -> None:
    job = waiting["endless"]
    world.request("endless", "now")

    def metadata() -> Any:
        return world.jobs.read_namespaced_job(job, world.namespace).metadata

    # Its deadline and a grace of a minute.
    until(lambda: metadata().deletion_timestamp is not None, 90, "it overstays")
    assert metadata().finalizers == ["foregroundDeletion"]
    world.make("beside", fate=QUICK)
    world.wait_outcome("beside", 1)
    assert (world.run("endless")["number"], world.run("endless")["outcome"]) == (1, "Running")
    release(world)
    run = world.wait_outcome("endless", 1, seconds=20)
    assert (run["number"], run["outcome"], run["errorClass"]) == (1, "Failed", "lost")
    assert job not in world.job_names()
    # Not even the request that stands there: the wait after a lost run has begun.
    ends = moment(run["finishedAt"]) + timedelta(seconds=20)
    assert moment(world.status("endless")["nextUpdateAt"]) >= ends
