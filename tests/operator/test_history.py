"""Which Jobs of ended runs are kept."""

from __future__ import annotations

import pytest
from tests.operator.support import (
    QUICK,
    fails,
    settings,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def kept(world: World, name: str) -> list[int]:
    """The runs of an Integration whose Jobs are there."""
    uid = world.get(name)["metadata"]["uid"]
    jobs = world.jobs.list_namespaced_job(world.namespace).items
    return sorted(
        int(j.metadata.labels["spark-integrations.dev/run"])
        for j in jobs
        if j.metadata.owner_references[0].uid == uid
    )


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


def test_history_keeps_one_success_and_three_failures(world: World) -> None:
    world.make("often", fate=fails(), retryDelaysSeconds=[1] * 6)
    world.wait_outcome("often", 6, seconds=60)

    def kept() -> list[str]:
        return sorted(n for n in world.job_names() if n.startswith("often-"))

    until(lambda: len(kept()) <= 3, 10, lambda: f"{kept()}")
    world.make("steady", fate=QUICK)
    for number in (1, 2, 3):
        world.wait_outcome("steady", number)
        world.request("steady", str(number))
    run = world.wait_outcome("steady", 4)
    until(
        lambda: [n for n in world.job_names() if n.startswith("steady-")] == [run["jobName"]],
        10,
        lambda: f"{world.job_names()}",
    )
