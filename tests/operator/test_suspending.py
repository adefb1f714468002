"""Suspended, by the Integration or by the Scheduler: nothing is dispatched, and what was asked for is not forgotten."""

from __future__ import annotations

import pytest
from tests.operator.support import (
    QUICK,
    runs,
)
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_requests_wait_behind_a_suspended_scheduler_and_are_one_run_when_it_is_resumed(
    world: World,
) -> None:
    world.make("asked", fate=QUICK)
    world.wait_outcome("asked", 1)
    world.change_scheduler(suspend=True)
    try:
        world.wait_reason("asked", "Suspended")
        for token in ("a", "b", "c"):
            world.request("asked", token)
        world.make("fence", fate=QUICK)
        world.wait_reason("fence", "Suspended")
        assert runs(world, "asked") == 1
    finally:
        world.change_scheduler(suspend=False)
    assert world.wait_outcome("asked", 2)["trigger"] == "Requested"
    world.wait_outcome("fence", 1)
    world.wait_reason("asked", "Fetched")
    assert world.status("asked")["lastHandledRequest"] == "c"
    assert runs(world, "asked") == 2


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
