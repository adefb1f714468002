"""A check, a backfill and a reset of failures, as users ask for them, on a real API server."""

from __future__ import annotations

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, fails, runs
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_a_check_within_the_ladder_leaves_it_and_keeps_the_fetch_before_it(world: World) -> None:
    world.make("checked", fate=fails(), **NEVER_AGAIN)
    before = world.wait_outcome("checked", 1)
    due = world.status("checked")["nextUpdateAt"]
    world.request("checked", "t1", mode="check")
    run = world.wait_outcome("checked", 2)
    assert (run["mode"], run["request"], run["trigger"]) == ("check", "t1", "Requested")
    status = world.status("checked")
    assert status["lastFetch"] == before
    assert status["nextUpdateAt"] == due
    assert world.condition("checked")["reason"] == "BackingOff"
    until(lambda: any(e[1] == "CheckFailed" for e in world.events("checked")), 5, "no Event of it")


def test_a_backfill_without_a_time_starts_nothing_until_it_has_one(world: World) -> None:
    world.make("filled", fate=QUICK)
    world.wait_outcome("filled", 1)
    world.request("filled", "t1", mode="backfill")
    until(lambda: "requestedSince is missing" in world.condition("filled")["message"], 5)
    until(lambda: bool(world.events("filled")), 5, "no Event")
    assert [e[:2] for e in world.events("filled")] == [("Warning", "InvalidRequest")]
    assert runs(world, "filled") == 1
    world.annotate("filled", requestedSince="2026-01-01")
    run = world.wait_outcome("filled", 2)
    assert (run["mode"], run["since"]) == ("backfill", "2026-01-01T00:00:00Z")


def test_cleared_failures_end_the_pause_without_a_fetch_of_their_own(world: World) -> None:
    world.make("flushed", fate=QUICK, **(NEVER_AGAIN | {"retryDelaysSeconds": []}))
    world.wait_outcome("flushed", 1)
    due = world.status("flushed")["nextUpdateAt"]
    world.change("flushed", config={f"dev.spark/{k}": v for k, v in fails().items()})
    world.request("flushed", "t1")
    world.wait_outcome("flushed", 2)
    assert world.status("flushed")["consecutiveFailures"] == 1
    world.annotate("flushed", resetAt="r1")
    until(lambda: world.status("flushed").get("lastHandledReset") == "r1", 5)
    status = world.status("flushed")
    assert (status["consecutiveFailures"], status["nextUpdateAt"]) == (0, due)
    assert status["run"]["failureCleared"] is True
    assert runs(world, "flushed") == 2
