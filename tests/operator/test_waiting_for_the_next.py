"""Between two runs: ladder, pause and Retry-After, and what may come before their end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.operator.support import (
    NEVER_AGAIN,
    QUICK,
    fails,
    moment,
    runs,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def steady(world: World) -> tuple[str, str]:
    """Fetched every minute from the beginning of the module; with when its first run ended."""
    world.make("steady", fate=QUICK, updateFrequencyMinutes=1)
    return "steady", world.wait_outcome("steady", 1)["finishedAt"]


def waits(world: World, name: str) -> timedelta:
    """From the end of the last run to the announced next one."""
    status = world.status(name)
    return moment(status["nextUpdateAt"]) - moment(status["run"]["finishedAt"])


def test_the_ladder_is_climbed_to_its_end_and_then_the_pause_doubles_with_each_failed_cycle(
    world: World,
) -> None:
    world.make("hopeless", fate=fails(), retryDelaysSeconds=[1, 1], updateFrequencyMinutes=60)
    run = world.wait_outcome("hopeless", 3, seconds=20)
    assert (run["attempt"], run["trigger"]) == (3, "Retry")
    ready = world.wait_reason("hopeless", "Failed")
    assert "All 3 attempts failed" in ready["message"]
    assert world.condition("hopeless", "Stalled")["status"] == "True"
    assert world.status("hopeless")["consecutiveFailures"] == 1
    assert waits(world, "hopeless") == timedelta(minutes=60)

    world.request("hopeless", "once more")
    run = world.wait_outcome("hopeless", 6, seconds=20)
    assert (run["number"], run["attempt"]) == (6, 3)
    world.wait_reason("hopeless", "Failed")
    assert world.status("hopeless")["consecutiveFailures"] == 2
    assert waits(world, "hopeless") == timedelta(minutes=120)


def test_a_failure_of_the_credentials_ends_the_cycle_at_once_and_a_request_tries_again(
    world: World,
) -> None:
    fate = fails(10, reason="InvalidCredentials")
    world.make("expired", fate=fate, retryDelaysSeconds=[1, 1], updateFrequencyMinutes=60)
    world.wait_outcome("expired", 1)
    world.wait_reason("expired", "InvalidCredentials")
    assert waits(world, "expired") == timedelta(minutes=60)
    world.request("expired", "mended")
    run = world.wait_outcome("expired", 2, seconds=10)
    assert (run["attempt"], run["trigger"]) == (1, "Requested")


def test_a_request_passes_the_back_off_but_not_the_services_own_retry_after(world: World) -> None:
    world.make("limited", fate=fails(11, retryAfterSeconds=1800), **NEVER_AGAIN)
    world.make("backing-off", fate=fails(), **NEVER_AGAIN)
    for name in ("limited", "backing-off"):
        world.wait_outcome(name, 1)
        world.request(name, "now")
    assert world.wait_outcome("backing-off", 2, seconds=5)["trigger"] == "Requested"
    assert runs(world, "limited") == 1
    assert world.condition("limited")["reason"] == "RateLimited"
    assert waits(world, "limited") == timedelta(seconds=1800)
    assert world.status("limited").get("lastHandledRequest") is None


def test_the_later_of_ladder_and_retry_after_counts(world: World) -> None:
    delays = {"retryDelaysSeconds": [600]}
    world.make("longer", fate=fails(11, retryAfterSeconds=900), **delays)
    world.make("shorter", fate=fails(11, retryAfterSeconds=300), **delays)
    world.make("endless", fate=fails(11, retryAfterSeconds=10**9), **delays)
    for name in ("longer", "shorter", "endless"):
        world.wait_outcome(name, 1)
    assert waits(world, "longer") == timedelta(seconds=900)
    assert waits(world, "shorter") == timedelta(seconds=600)
    assert waits(world, "endless") == timedelta(hours=24)


def test_after_the_retry_after_the_retry_comes(world: World) -> None:
    world.make("soon", fate=fails(11, retryAfterSeconds=3), retryDelaysSeconds=[1, 3600])
    first = world.wait_outcome("soon", 1)
    second = world.wait_outcome("soon", 2, seconds=15)
    gap = moment(second["startedAt"]) - moment(first["finishedAt"])
    assert timedelta(seconds=3) <= gap < timedelta(seconds=10)


def test_a_success_at_the_frequency_is_followed_by_the_next_at_its_second(
    world: World, steady: tuple[str, str]
) -> None:
    name, first_finished_at = steady
    second = world.wait_outcome(name, 2, seconds=75)
    gap = moment(second["startedAt"]) - moment(first_finished_at)
    assert timedelta(seconds=60) <= gap <= timedelta(seconds=63)
    assert (second["trigger"], second["attempt"]) == ("Scheduled", 1)
    assert waits(world, name) == timedelta(minutes=1)


def test_a_retry_follows_its_delay_and_a_spec_change_comes_before_it(world: World) -> None:
    world.make("mended", fate=fails(), retryDelaysSeconds=[3600])
    world.make("retried", fate=fails(), retryDelaysSeconds=[1])
    world.wait_outcome("mended", 1)
    again = world.wait_outcome("retried", 2)
    assert (again["attempt"], again["trigger"]) == (2, "Retry")
    world.change("mended", config={"dev.spark/outcome": "succeed", "dev.spark/delay": "100ms"})
    run = world.wait_outcome("mended", 2)
    assert (run["outcome"], run["attempt"]) == ("Succeeded", 1)
    until(lambda: ("Normal", "Fetched") in {e[:2] for e in world.events("mended")}, 5, "no Event")


def test_a_missed_slot_is_caught_up_once(world: World) -> None:
    world.make("late", fate=QUICK, updateFrequencyMinutes=1440)
    world.wait_outcome("late", 1)
    world.patch_status("late", lastSuccessfulUpdateAt="2026-01-01T00:00:00Z")
    world.wait_outcome("late", 2)
    until(lambda: world.condition("late")["reason"] == "Fetched", 5)
    assert world.run("late")["number"] == 2
