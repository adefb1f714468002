"""Settings that the API server hands over, and what it then holds because of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.operator.support import QUICK, fails, moment, plugin, settings
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def announced(world: World, name: str) -> timedelta:
    """From the end of the first run to the announced next one."""
    run = world.wait_outcome(name, 1)
    world.wait_reason(name, "Fetched")
    return moment(world.status(name)["nextUpdateAt"]) - moment(run["finishedAt"])


def test_the_frequency_is_the_users_or_the_plugins_and_never_below_the_plugins_minimum(
    world: World,
) -> None:
    with plugin(
        world, "paced", defaultUpdateFrequencyMinutes=45, minUpdateFrequencyMinutes=33
    ) as service:
        world.make("default", fate=QUICK, service=service)
        world.make("own", fate=QUICK, service=service, updateFrequencyMinutes=77)
        world.make("hasty", fate=QUICK, service=service, updateFrequencyMinutes=5)
        assert announced(world, "default") == timedelta(minutes=45)
        assert announced(world, "own") == timedelta(minutes=77)
        assert announced(world, "hasty") == timedelta(minutes=33)
        assert "5 is raised to 33" in world.condition("hasty")["message"]
        assert "raised" not in world.condition("own")["message"]


def test_a_condition_tells_its_generation_and_keeps_its_transition_time_until_its_status_changes(
    world: World,
) -> None:
    world.make("steady", fate=QUICK, updateFrequencyMinutes=60, retryDelaysSeconds=[3600])
    world.wait_outcome("steady", 1)
    first = world.wait_reason("steady", "Fetched")
    became = moment(first["lastTransitionTime"])
    assert first["observedGeneration"] == 1

    def later(than: datetime) -> None:
        until(lambda: datetime.now(UTC) >= than + timedelta(seconds=1), 5)

    later(became)
    world.change("steady", updateFrequencyMinutes=120)
    until(lambda: world.condition("steady")["observedGeneration"] == 2, 5)
    second = world.condition("steady")
    assert (second["status"], moment(second["lastTransitionTime"])) == ("True", became)

    world.change("steady", config=settings(fails()))
    world.request("steady", "now")
    world.wait_outcome("steady", 2)
    third = world.condition("steady")
    assert (third["status"], third["observedGeneration"]) == ("False", 3)
    assert moment(third["lastTransitionTime"]) > became


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
