"""``failed``, ``retry``, ``flush``, ``suspend``, ``resume``, ``reset``, ``backfill``."""

from __future__ import annotations

import pytest
from tests.cli.support import Spark
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, runs, settings
from tests.support.waiting import until
from tests.support.world import GROUP, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_those_that_failed_are_listed_and_those_that_are_refused(
    spark: Spark, world: World
) -> None:
    assert "None has failed." in spark("failed").err
    world.make("a-well", fate=QUICK)
    world.make("a-broken", fate=fails(message="The host is down."), **NEVER_AGAIN)
    world.make("a-unknown", service="nosuch")
    world.wait_reason("a-well", "Fetched")
    world.wait_reason("a-broken", "BackingOff")
    world.wait_reason("a-unknown", "UnknownService")
    answer = spark("failed")
    assert answer.code == 0
    assert [row[0] for row in answer.rows] == ["a-broken", "a-unknown"]
    assert spark("failed", "--exit-code").code == 1
    assert spark("failed", "a-well", "--exit-code").code == 0
    assert spark("failed", "-o", "name").out.split()[0].endswith("/a-broken")


def test_a_retry_tries_what_has_failed_and_leaves_the_others(spark: Spark, world: World) -> None:
    world.make("b-well", fate=QUICK)
    world.make("b-broken", fate=fails(), **NEVER_AGAIN)
    world.wait_reason("b-well", "Fetched")
    world.wait_reason("b-broken", "BackingOff")
    answer = spark("retry", "b-well", "b-broken")
    assert answer.code == 0
    assert "b-well has not failed" in answer.out
    assert "b-broken fetch requested" in answer.out
    world.wait_outcome("b-broken", 2)
    assert world.run("b-broken")["attempt"] == 1
    assert runs(world, "b-well") == 1


def test_a_failed_backfill_is_retried_as_one(spark: Spark, world: World) -> None:
    world.make("c", fate=QUICK, **NEVER_AGAIN)
    world.wait_reason("c", "Fetched")
    world.change("c", config=settings(fails(code=10)))
    assert spark("backfill", "c", "--since", "2026-01-31T18:00:00Z", "--wait").code == 1
    assert spark("retry", "c", "--wait").code == 1
    run = world.run("c")
    assert (run["number"], run["mode"], run["since"]) == (3, "backfill", "2026-01-31T18:00:00Z")


def test_a_flush_deletes_the_failed_jobs_and_clears_the_failures(
    spark: Spark, world: World
) -> None:
    world.make("d", fate=QUICK, retryDelaysSeconds=[])
    world.wait_reason("d", "Fetched")
    kept = job_of(world, "d")
    world.change("d", config=settings(fails()))
    spark("fetch", "d", "--force", "--wait")
    gone = job_of(world, "d", 2)
    assert world.status("d")["consecutiveFailures"] == 1
    told = spark("flush", "d", "--dry-run")
    assert told.out.splitlines() == [
        f"d job {gone} would be deleted",
        "d failures would be cleared",
    ]
    assert gone in world.job_names()
    answer = spark("flush", "d")
    assert answer.code == 0
    assert answer.out.splitlines() == [f"d job {gone} deleted", "d failures cleared"]
    until(
        lambda: world.status("d")["consecutiveFailures"] == 0, 20, "the failures were not cleared"
    )
    until(lambda: gone not in world.job_names(), 20, "the Job was not deleted")
    assert kept in world.job_names()
    assert runs(world, "d") == 2, "a flush is no fetch"
    assert "has nothing to flush" in spark("flush", "d").out


def test_a_flush_leaves_a_run_that_goes_on(spark: Spark, world: World) -> None:
    world.make("e", fate=fails(), **NEVER_AGAIN)
    world.wait_reason("e", "BackingOff")
    world.change("e", config=settings({"outcome": "hang"}))
    world.wait_reason("e", "Fetching")
    going = job_of(world, "e", 2)
    assert spark("flush", "--all").code == 0
    assert going in world.job_names()
    assert world.run("e")["outcome"] == "Running"


def test_suspended_and_resumed_says_what_was_changed(spark: Spark, world: World) -> None:
    world.make("f", fate=QUICK)
    world.wait_reason("f", "Fetched")
    assert spark("suspend", "f").out == "f suspended\n"
    world.wait_reason("f", "Suspended")
    assert spark("suspend", "f").out == "f is suspended already\n"
    assert spark("resume", "f").out == "f resumed\n"
    world.wait_reason("f", "Fetched")
    assert spark("resume", "f").out == "f is not suspended\n"
    assert spark("suspend").code == 2
    assert spark("suspend", "nobody").code == 1


def test_a_reset_forgets_and_fetches_anew(spark: Spark, world: World) -> None:
    world.make("g", fate=QUICK)
    world.wait_reason("g", "Fetched")
    answer = spark("reset", "g", "--wait")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "g reset requested"
    assert world.run("g")["mode"] == "reset"


@pytest.mark.parametrize(
    "since", ["20260131", "2026-W05", "yesterday", "2026-01-31T18:00", "2026-02-30"]
)
def test_a_time_that_the_operator_would_ignore_is_wrong_use(
    spark: Spark, world: World, since: str
) -> None:
    answer = spark("backfill", "g", "--since", since)
    assert answer.code == 2
    assert since in answer.err
    annotations = world.get("g")["metadata"].get("annotations", {})
    assert annotations.get(f"{GROUP}/requestedSince") is None


def test_a_backfill_begins_at_its_time(spark: Spark, world: World) -> None:
    answer = spark("backfill", "g", "--since", "2026-01-31", "--wait")
    assert answer.code == 0
    run = world.run("g")
    assert (run["mode"], run["since"]) == ("backfill", "2026-01-31T00:00:00Z")
