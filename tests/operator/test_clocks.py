"""Clocks that disagree, and times that somebody wrote: what they may move, and what not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, moment, runs
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

FAR = "2999-01-01T00:00:00Z"


def from_now(seconds: float) -> str:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    return at.isoformat().replace("+00:00", "Z")


def seen_by_now(world: World, marker: str) -> None:
    """What was written before this is known to the operator after it: a watch tells in order."""
    world.make(marker, fate=QUICK)
    world.wait_outcome(marker, 1)


def completed(world: World, job: str, *, started_at: str, completed_at: str) -> None:
    """The Job ends by the word of a controller whose clock says so."""
    # A paused Job is left alone by the real controller, which else would write its own time.
    world.jobs.patch_namespaced_job(job, world.namespace, {"spec": {"suspend": True}})

    def left_alone() -> bool:
        status = world.jobs.read_namespaced_job(job, world.namespace).status
        return status.start_time is None and not status.active and not status.terminating

    until(left_alone, 20, "the controller does not let go of it")
    conditions = [
        {
            "type": type_,
            "status": "True",
            "lastProbeTime": completed_at,
            "lastTransitionTime": completed_at,
        }
        for type_ in ("SuccessCriteriaMet", "Complete")
    ]
    status: dict[str, Any] = {
        "startTime": started_at,
        "completionTime": completed_at,
        "succeeded": 1,
        "ready": 0,
        "conditions": conditions,
    }
    world.jobs.patch_namespaced_job_status(job, world.namespace, {"status": status})


def test_a_job_that_completed_in_the_future_counts_from_now(world: World) -> None:
    world.make("ahead", fate={"outcome": "hang"}, updateFrequencyMinutes=60)
    job = job_of(world, "ahead")
    completed(world, job, started_at=from_now(0), completed_at=from_now(7200))
    run = world.wait_outcome("ahead", 1, seconds=10)
    assert run["outcome"] == "Succeeded"
    last = moment(world.status("ahead")["lastSuccessfulUpdateAt"])
    assert moment(run["startedAt"]) <= last <= datetime.now(UTC)
    assert run["finishedAt"] == world.status("ahead")["lastSuccessfulUpdateAt"]
    assert moment(world.status("ahead")["nextUpdateAt"]) == last + timedelta(minutes=60)
    assert runs(world, "ahead") == 1


def test_a_job_that_completed_before_the_run_began_counts_from_its_beginning(
    world: World,
) -> None:
    world.make("behind", fate={"outcome": "hang"}, updateFrequencyMinutes=60)
    job = job_of(world, "behind")
    completed(world, job, started_at=from_now(-7300), completed_at=from_now(-7200))
    run = world.wait_outcome("behind", 1, seconds=10)
    assert run["outcome"] == "Succeeded"
    last = world.status("behind")["lastSuccessfulUpdateAt"]
    assert last == run["finishedAt"] == run["startedAt"]
    assert moment(world.status("behind")["nextUpdateAt"]) == moment(last) + timedelta(minutes=60)
    assert runs(world, "behind") == 1


@pytest.mark.parametrize("ahead", [90, None], ids=["a minute and a half", "centuries"])
def test_a_last_success_over_a_minute_in_the_future_counts_as_absent(
    world: World, ahead: int | None
) -> None:
    name = f"forged-{ahead or 'far'}"
    world.make(name, fate=QUICK, updateFrequencyMinutes=60)
    world.wait_outcome(name, 1)
    world.patch_status(name, lastSuccessfulUpdateAt=from_now(ahead) if ahead else FAR)
    run = world.wait_outcome(name, 2, seconds=10)
    assert run["outcome"] == "Succeeded"
    last = moment(world.status(name)["lastSuccessfulUpdateAt"])
    assert moment(run["startedAt"]) <= last <= datetime.now(UTC)


def test_a_last_success_less_than_a_minute_in_the_future_is_another_clock_and_counts(
    world: World,
) -> None:
    world.make("nearly", fate=QUICK, updateFrequencyMinutes=60)
    world.wait_outcome("nearly", 1)
    soon = from_now(45)
    world.patch_status("nearly", lastSuccessfulUpdateAt=soon)
    due = moment(soon) + timedelta(minutes=60)
    until(lambda: moment(world.status("nearly")["nextUpdateAt"]) == due, 5)
    assert runs(world, "nearly") == 1


def test_a_failure_in_the_future_holds_neither_the_retry_nor_retry_after_back(
    world: World,
) -> None:
    fates = {"climbs": fails(), "limited": fails(11, retryAfterSeconds=1800)}
    for name, fate in fates.items():
        world.make(name, fate=fate, **NEVER_AGAIN)
    for name in fates:
        run = world.wait_outcome(name, 1)
        world.patch_status(name, run={**run, "finishedAt": FAR, "startedAt": FAR})
    for name in fates:
        assert world.wait_outcome(name, 2, seconds=10)["attempt"] == 1


def test_a_run_that_began_in_the_future_and_has_no_job_is_lost_and_not_made_for_ever(
    world: World,
) -> None:
    world.make("prophet", fate=QUICK, retryDelaysSeconds=[3600])
    run = world.wait_outcome("prophet", 1)
    ghost = {
        key: value
        for key, value in run.items()
        if key in ("attempt", "trigger", "mode", "generation")
    }
    world.patch_status(
        "prophet",
        run={
            **dict.fromkeys(run),
            **ghost,
            "number": 2,
            "jobName": run["jobName"].removesuffix("-1") + "-2",
            "startedAt": FAR,
            "outcome": "Running",
        },
    )
    run = world.wait_outcome("prophet", 2, seconds=10)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "lost")
    assert not [name for name in world.job_names() if name.endswith("-2") and "prophet" in name]


def test_the_announced_next_time_is_told_and_never_read(world: World) -> None:
    world.make("told", fate=QUICK, updateFrequencyMinutes=60)
    world.wait_outcome("told", 1)
    right = world.status("told")["nextUpdateAt"]
    world.patch_status("told", nextUpdateAt="2026-01-01T00:00:00Z")
    until(lambda: world.status("told")["nextUpdateAt"] == right, 5, "it is not put right")
    seen_by_now(world, "after-told")
    assert runs(world, "told") == 1
