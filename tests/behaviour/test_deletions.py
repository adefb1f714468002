"""Whatever somebody deletes by hand, at whatever moment: nothing gets stuck, and others go on."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from tests.operator.support import moment
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
SLOW = {"delay": "3s"}


def claimed(world: World, name: str, number: int = 1) -> str:
    """The Job of the run, once it is there."""
    until(
        lambda: (
            world.run(name).get("number") == number
            and world.run(name)["jobName"] in world.job_names()
        ),
        10,
    )
    job: str = world.run(name)["jobName"]
    return job


@pytest.fixture(scope="module", autouse=True)
def waiting(world: World) -> dict[str, Any]:
    """What is noticed or tried again only after a while begins with the module."""
    world.make("file", fate=QUICK, destination={"type": "duckdb", "claimName": "disk"})
    said = world.wait_reason("file", "InvalidConfig", seconds=5)["message"]
    claim = {
        "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    world.make("gone", fate=SLOW, retryDelaysSeconds=[1])
    world.delete("job", claimed(world, "gone"))
    lost = world.wait_outcome("gone", 1, seconds=10)
    return {"file": said, "gone": lost}


def test_the_plugin_deleted_during_a_run_the_outcome_is_recorded_then_the_service_unknown(
    world: World,
) -> None:
    world.make("orphan", fate={"delay": "1s"})
    claimed(world, "orphan")
    world.delete("plugin", world.namespace)
    try:
        run = world.wait_outcome("orphan", 1)
        assert run["outcome"] == "Succeeded"
        ready = world.wait_reason("orphan", "UnknownService")
        assert f'There is no Plugin "{world.namespace}"' in ready["message"]
        assert world.condition("orphan", "Stalled")["status"] == "True"
    finally:
        world.make_plugin()
    world.wait_reason("orphan", "Fetched")


def test_without_its_scheduler_outcomes_are_recorded_and_nothing_is_dispatched(
    world: World,
) -> None:
    world.make("last", fate={"delay": "1s"})
    claimed(world, "last")
    started = time.monotonic()
    world.delete("scheduler", "spark")
    assert time.monotonic() - started < 2
    world.wait_outcome("last", 1)
    world.make("next", fate=QUICK)
    until(lambda: world.condition("next").get("reason") == "Pending", 5)
    assert world.run("next") == {}
    world.make_scheduler()
    world.wait_outcome("next", 1)


def test_a_job_of_another_owner_under_the_claimed_name_is_rejected_and_left_alone(
    world: World,
) -> None:
    world.make("rival", fate=QUICK, retryDelaysSeconds=[3600])
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
    world.jobs.create_namespaced_job(world.namespace, body)
    world.request("rival", "go")
    run = world.wait_outcome("rival", 2)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "rejected")
    assert "another owner" in run["message"]
    assert name in world.job_names()


def test_a_job_that_the_api_server_refuses_is_rejected_with_its_words(world: World) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    world.core.create_namespaced_resource_quota(world.namespace, quota)
    try:
        until(
            lambda: bool(
                world.core.read_namespaced_resource_quota("none", world.namespace).status.hard
            ),
            10,
        )
        world.make("refused", fate=QUICK)
        run = world.wait_outcome("refused", 1)
        assert run["errorClass"] == "rejected"
        assert "exceeded quota" in run["message"]
    finally:
        world.core.delete_namespaced_resource_quota("none", world.namespace)


def test_an_unfinished_job_that_nobody_claimed_is_deleted_and_announced(world: World) -> None:
    uid = world.make("haunted", fate=QUICK)
    world.wait_outcome("haunted", 1)
    owner = {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Integration",
        "name": "haunted",
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    body: dict[str, Any] = {
        "metadata": {
            "name": "haunted-stray",
            "labels": {
                "app.kubernetes.io/managed-by": "spark-integrations",
                "spark-integrations.dev/run": "9",
            },
            "ownerReferences": [owner],
        },
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "c", "image": "x"}],
                }
            },
        },
    }
    world.jobs.create_namespaced_job(world.namespace, body)
    until(lambda: "haunted-stray" not in world.job_names(), 10, "the stray stays")
    until(lambda: "Superseded" in {e[1] for e in world.events("haunted")}, 5, "no Event")
    assert world.run("haunted")["number"] == 1


def test_a_config_that_the_schema_refuses_is_fetched_once_it_is_mended(world: World) -> None:
    world.change_plugin(
        configSchema={"type": "object", "properties": {"pages": {"type": "integer"}}}
    )
    world.make("wrong", fate=QUICK)
    world.wait_outcome("wrong", 1)
    world.change("wrong", config={"pages": "two"})
    ready = world.wait_reason("wrong", "InvalidConfig", seconds=5)
    assert "spec.config.pages" in ready["message"]
    world.change("wrong", config={"pages": 2})
    world.wait_reason("wrong", "Fetched")


def test_a_missing_volume_claim_is_said_and_noticed_when_it_is_there(
    world: World, waiting: dict[str, Any]
) -> None:
    assert 'no PersistentVolumeClaim "disk"' in waiting["file"]
    until(lambda: world.run("file").get("number") == 1, 20)


def test_a_job_deleted_while_it_runs_is_lost_and_retried_after_a_grace(
    world: World, waiting: dict[str, Any]
) -> None:
    lost = waiting["gone"]
    assert (lost["number"], lost["outcome"], lost["errorClass"]) == (1, "Failed", "lost")
    again = world.wait_outcome("gone", 2, seconds=40)
    assert (again["number"], again["outcome"], again["attempt"]) == (2, "Succeeded", 2)
    # The pod of the deleted Job may live on for its grace period, so the second of the delay is not all.
    waited = moment(again["startedAt"]) - moment(lost["finishedAt"])
    assert waited >= timedelta(seconds=20)


def test_an_integration_made_anew_under_its_name_begins_anew(world: World) -> None:
    first = world.make("twin", fate=SLOW)
    job = claimed(world, "twin")
    world.delete("integration", "twin")
    second = world.make("twin", fate=QUICK)
    assert first != second
    run = world.wait_outcome("twin", 1)
    assert run["outcome"] == "Succeeded"
    assert run["jobName"] != job
    # The garbage collector learns of a new kind only at its next round, half a minute after the CRD.
    until(lambda: job not in world.job_names(), 60, "the old Job stays")
