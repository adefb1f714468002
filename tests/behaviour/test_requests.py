"""Asking for a fetch, suspending, and few places, on a real API server."""

from __future__ import annotations

import pytest
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.apiserver

QUICK = {"delay": "100ms"}


def test_a_request_is_a_job_in_under_a_second_and_is_acknowledged(world: World) -> None:
    world.make("asked", fate=QUICK)
    world.wait_outcome("asked", 1)
    world.request("asked", "now")
    took = until(lambda: any(n.endswith("-2") for n in world.job_names()), 5)
    assert took < 1
    run = world.wait_outcome("asked", 2)
    assert run["trigger"] == "Requested"
    assert world.status("asked")["lastHandledRequest"] == "now"


def test_requests_during_a_run_wait_for_its_end_and_many_are_one(world: World) -> None:
    world.make("busy", fate={"delay": "3s"})
    until(lambda: world.run("busy").get("number") == 1, 5)
    for token in ("a", "b", "c"):
        world.request("busy", token)
    assert world.run("busy")["number"] == 1
    world.wait_outcome("busy", 2)
    assert world.status("busy")["lastHandledRequest"] == "c"
    until(lambda: world.condition("busy")["reason"] == "Fetched", 5)
    assert world.run("busy")["number"] == 2


def test_a_malformed_request_is_named_in_condition_and_one_event(world: World) -> None:
    world.make("odd", fate=QUICK)
    world.wait_outcome("odd", 1)
    world.request("odd", "x" * 200)
    until(lambda: "is ignored" in world.condition("odd")["message"], 5)
    # The Event is posted after the status was written.
    until(lambda: bool(world.events("odd")), 5, "no Event")
    said = [e for e in world.events("odd") if "is ignored" in e[2]]
    assert len(said) == 1
    assert said[0][:2] == ("Warning", "InvalidRequest")
    assert world.run("odd")["number"] == 1
    world.request("odd", "good")
    world.wait_outcome("odd", 2)


def test_a_suspended_integration_waits_with_its_request_until_it_is_resumed(world: World) -> None:
    world.make("paused", fate=QUICK, suspend=True)
    world.wait_reason("paused", "Suspended")
    world.request("paused", "later")
    assert "nextUpdateAt" not in world.status("paused")
    assert world.run("paused") == {}
    world.change("paused", suspend=False)
    world.wait_outcome("paused", 1)
    assert world.status("paused")["lastHandledRequest"] == "later"


def test_the_suspended_scheduler_dispatches_nothing_and_says_so_everywhere(world: World) -> None:
    world.make("held", fate={"outcome": "fail", **QUICK}, retryDelaysSeconds=[3600])
    world.wait_outcome("held", 1)
    world.change_scheduler(suspend=True)
    ready = world.wait_reason("held", "Suspended")
    assert "The Scheduler is suspended" in ready["message"]
    world.make("new", fate=QUICK)
    world.wait_reason("new", "Suspended")
    world.change_scheduler(suspend=False)
    world.wait_outcome("new", 1)
    # Suspending ends the back-off: an hour need not pass.
    world.wait_outcome("held", 2)


@pytest.mark.parametrize("whose", ["the service", "the installation"])
def test_no_more_go_on_at_once_than_there_are_places(world: World, whose: str) -> None:
    change = world.change_plugin if whose == "the service" else world.change_scheduler
    change(maxConcurrentFetches=2)
    kind = "s" if whose == "the service" else "i"
    names = [f"crowd-{kind}-{n}" for n in range(5)]
    most = 0
    try:
        for name in names:
            world.make(name, fate={"delay": "1s"})

        def all_ended() -> bool:
            nonlocal most
            most = max(most, world.unfinished())
            return all(world.ended(name, 1) for name in names)

        until(all_ended, 60, lambda: str([world.status(n) for n in names]))
    finally:
        change(maxConcurrentFetches=1000)
    assert most == 2
    reasons = {world.condition(name)["reason"] for name in names}
    assert reasons == {"Fetched"}
