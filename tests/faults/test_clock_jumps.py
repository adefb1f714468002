"""The wall clock under the operator is moved by an hour, either way, while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.proxy import Fault, Proxy
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.wall_clock import WallClock
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
BROKEN = {"outcome": "fail", "delay": "100ms"}
HOUR = 3600
# A jump is noticed within a second; the rest is for a fetch on a busy machine.
SOON = 15


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


@pytest.fixture
def operator(proxy: Proxy, operators: Callable[..., Operator], clock: WallClock) -> Operator:
    """By the proxy, as that takes no TLS: the certificates of a new cluster are not an hour old."""
    started: Operator = operators(proxy.kubeconfig, wall_clock=clock)
    return started.start().wait_leading()


@pytest.fixture
def uids(world: World, operator: Operator) -> dict[str, str]:
    """Fetched just now: due in half an hour, in a day; failed, with ten minutes to wait."""
    made = {
        "often": world.make("often", fate=QUICK, updateFrequencyMinutes=30),
        "daily": world.make("daily", fate=QUICK, updateFrequencyMinutes=1440),
        "broken": world.make("broken", fate=BROKEN, retryDelaysSeconds=[600, 600, 600]),
    }
    for name in made:
        world.wait_outcome(name, 1)
    return made


def lease(world: World) -> Any:
    spec = world.leases.read_namespaced_lease("spark", world.namespace).spec
    return spec.holder_identity, spec.lease_transitions


def nobody_waits(world: World, token: str) -> None:
    """What is asked for or made now is fetched now."""
    world.make(token, fate=QUICK)
    number = world.run("daily")["number"] + 1
    world.request("daily", token)
    assert world.wait_outcome(token, 1, SOON)["outcome"] == "Succeeded"
    world.wait_outcome("daily", number, SOON)


def under_way(world: World) -> None:
    """With its Job: what happens to a claim without one is a test of its own."""
    world.make("under-way", fate={"delay": "4s"}, updateFrequencyMinutes=1440)
    until(lambda: any("under-way" in name for name in world.job_names()), SOON)


def test_an_hour_ahead_and_back_dispatches_early_once_and_nothing_gets_stuck(
    world: World,
    recorder: Recorder,
    operator: Operator,
    clock: WallClock,
    uids: dict[str, str],
) -> None:
    holder = lease(world)
    under_way(world)
    clock.move(HOUR)
    world.wait_outcome("often", 2, SOON)
    assert world.wait_outcome("broken", 2, SOON)["attempt"] == 2
    assert world.wait_outcome("under-way", 1, SOON)["outcome"] == "Succeeded"
    nobody_waits(world, "ahead")
    assert recorder.runs(uids["often"]) == [1, 2]

    clock.move(0)
    # Recorded in what is now the future, so it counts as never fetched.
    world.wait_outcome("often", 3, SOON)
    world.wait_outcome("daily", 3, SOON)
    world.wait_outcome("broken", 3, SOON)
    nobody_waits(world, "back")
    assert recorder.runs(uids["often"]) == [1, 2, 3]
    assert recorder.runs(uids["daily"]) == [1, 2, 3, 4]
    assert recorder.overlaps() == []
    assert lease(world) == holder
    assert operator.running


def test_an_hour_back_and_forth_dispatches_once_more_and_nothing_gets_stuck(
    world: World,
    recorder: Recorder,
    operator: Operator,
    clock: WallClock,
    uids: dict[str, str],
) -> None:
    holder = lease(world)
    under_way(world)
    clock.move(-HOUR)
    for name in uids:
        world.wait_outcome(name, 2, SOON)
    assert world.wait_outcome("under-way", 1, SOON)["outcome"] == "Succeeded"
    nobody_waits(world, "behind")
    assert recorder.runs(uids["often"]) == [1, 2]

    clock.move(0)
    world.wait_outcome("often", 3, SOON)
    nobody_waits(world, "again")
    assert recorder.runs(uids["often"]) == [1, 2, 3]
    assert recorder.overlaps() == []
    assert lease(world) == holder
    assert operator.running


def test_an_hour_ahead_between_a_claim_and_its_job_costs_that_attempt_and_no_more(
    world: World,
    recorder: Recorder,
    proxy: Proxy,
    operator: Operator,
    clock: WallClock,
) -> None:
    """To the operator it is a claim of an hour ago without a Job: one that may have come and gone."""
    proxy.add(
        Fault(
            lambda call: call.method == "PATCH" and call.path.endswith("/caught/status"),
            after=lambda _: clock.move(HOUR),
        )
    )
    uid = world.make("caught", fate=QUICK, retryDelaysSeconds=[1])
    assert world.wait_outcome("caught", 1, SOON)["errorClass"] == "lost"
    retried = world.wait_outcome("caught", 2)
    assert (retried["outcome"], retried["attempt"]) == ("Succeeded", 2)
    assert recorder.runs(uid) == [2]
    assert recorder.overlaps() == []
