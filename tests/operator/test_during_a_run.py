"""What happens while a run goes on: it ends, its outcome is recorded, and only then does the change count."""

from __future__ import annotations

import pytest
from tests.operator.support import (
    NEVER_AGAIN,
    QUICK,
    end_pod,
    fails,
    job_of,
    pod_of,
    runs,
    settings,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

SLOW = {"delay": "2s"}


def test_the_spec_changed_during_a_run_that_succeeds_counts_from_the_next_one(
    world: World,
) -> None:
    world.make("edited", fate=SLOW, updateFrequencyMinutes=60)
    job_of(world, "edited")
    world.change("edited", updateFrequencyMinutes=120)
    run = world.wait_outcome("edited", 1)
    assert (run["outcome"], run["generation"]) == ("Succeeded", 1)
    world.wait_reason("edited", "Fetched")
    status = world.status("edited")
    assert status["observedGeneration"] == 2
    assert runs(world, "edited") == 1


def test_the_spec_changed_during_a_run_that_fails_is_tried_at_once_and_as_the_first_attempt(
    world: World,
) -> None:
    world.make("mended", fate=fails(delay="2s"), **NEVER_AGAIN)
    job_of(world, "mended")
    world.change("mended", config=settings(QUICK))
    run = world.wait_outcome("mended", 2, seconds=20)
    assert (run["outcome"], run["attempt"], run["generation"]) == ("Succeeded", 1, 2)


def test_suspended_during_a_run_its_outcome_is_recorded_and_nothing_follows_until_resumed(
    world: World,
) -> None:
    for name in ("paused", "paused-and-fails"):
        world.make(
            name,
            fate=fails(delay="2s") if "fails" in name else SLOW,
            retryDelaysSeconds=[1],
        )
    for name in ("paused", "paused-and-fails"):
        job_of(world, name)
        world.change(name, suspend=True)
    assert world.wait_outcome("paused", 1)["outcome"] == "Succeeded"
    assert world.wait_outcome("paused-and-fails", 1)["outcome"] == "Failed"
    for name in ("paused", "paused-and-fails"):
        world.wait_reason(name, "Suspended")
        assert "nextUpdateAt" not in world.status(name)
    # Something else that fails meets its retry after the same second: that much time has passed.
    world.make("clock", fate=fails(), retryDelaysSeconds=[1, 1])
    world.wait_outcome("clock", 3, seconds=20)
    assert runs(world, "paused-and-fails") == 1
    world.change("paused-and-fails", suspend=False)
    assert world.wait_outcome("paused-and-fails", 2)["attempt"] == 1


def test_a_request_during_a_run_that_fails_begins_a_new_cycle_and_the_old_one_does_not_count(
    world: World,
) -> None:
    world.make("asked", fate=fails(delay="2s"), **NEVER_AGAIN)
    job_of(world, "asked")
    world.request("asked", "again")
    run = world.wait_outcome("asked", 2, seconds=20)
    assert (run["attempt"], run["trigger"]) == (1, "Requested")
    assert world.status("asked")["consecutiveFailures"] == 0


def test_an_integration_deleted_during_its_run_takes_its_job_along(world: World) -> None:
    world.make("short", fate={"outcome": "hang"})
    job = job_of(world, "short")
    world.delete("integration", "short")
    # The garbage collector learns of a new kind only at its next round, half a minute after the CRD.
    until(lambda: job not in world.job_names(), 60, "its Job stays")


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
