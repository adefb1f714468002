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


def kept(world: World, name: str) -> list[int]:
    """The runs of an Integration whose Jobs are there."""
    uid = world.get(name)["metadata"]["uid"]
    jobs = world.jobs.list_namespaced_job(world.namespace).items
    return sorted(
        int(j.metadata.labels["spark-integrations.dev/run"])
        for j in jobs
        if j.metadata.owner_references[0].uid == uid
    )


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


def test_as_many_jobs_are_kept_as_the_scheduler_says_and_fewer_once_it_says_fewer(
    world: World,
) -> None:
    world.change_scheduler(history={"succeeded": 3, "failed": 1})
    try:
        world.make("kept", fate=fails(), retryDelaysSeconds=[1])
        world.wait_outcome("kept", 2)
        world.change("kept", config=settings(QUICK))
        for number in (3, 4, 5, 6):
            world.wait_outcome("kept", number)
            world.request("kept", str(number))
        world.wait_outcome("kept", 7)
        until(lambda: kept(world, "kept") == [2, 5, 6, 7], 5, lambda: f"{kept(world, 'kept')}")
        world.change_scheduler(history={"succeeded": 2, "failed": 0})
        world.request("kept", "once more")
        until(lambda: kept(world, "kept") == [7, 8], 10, lambda: f"{kept(world, 'kept')}")
    finally:
        world.change_scheduler(history={"succeeded": 1, "failed": 3})
