"""Few places: who gets the next one, who is told that none is free, and what gives one back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.operator.support import (
    NEVER_AGAIN,
    QUICK,
    end_pod,
    fails,
    job_of,
    moment,
    plugin,
    pod_of,
    runs,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module")
def full(world: World) -> Iterator[str]:
    """A service whose one place is taken for ever, and an Integration that waits for it."""
    with plugin(world, "full", maxConcurrentFetches=1) as name:
        world.make("holder", fate={"outcome": "hang"}, service=name, timeoutSeconds=3600)
        job_of(world, "holder")
        world.make("waiter", fate=QUICK, service=name)
        yield name


def test_the_next_place_goes_to_requests_then_first_fetches_then_the_most_overdue(
    world: World, full: str
) -> None:
    # A second each, so that the recorded times tell the order.
    fate = {"delay": "1s"}
    with plugin(world, "narrow", maxConcurrentFetches=1) as service:
        fetched = ("a-little-overdue", "b-much-overdue", "d-asked")
        for name in fetched:
            world.make(name, fate=fate, service=service, updateFrequencyMinutes=1440)
        for name in fetched:
            world.wait_outcome(name, 1)
        world.make("z-holder", fate={"outcome": "hang"}, service=service, **NEVER_AGAIN)
        pod = pod_of(world, job_of(world, "z-holder"))
        world.patch_status("a-little-overdue", lastSuccessfulUpdateAt="2026-01-01T00:00:00Z")
        world.patch_status("b-much-overdue", lastSuccessfulUpdateAt="2020-01-01T00:00:00Z")
        world.make("c-first", fate=fate, service=service)
        world.request("d-asked", "now")
        # The watch tells in order: once this one is fetched, the others are known to be due.
        world.make("marker", fate=QUICK)
        world.wait_outcome("marker", 1)
        end_pod(world, pod)
        order = ["d-asked", "c-first", "b-much-overdue", "a-little-overdue"]
        started = [
            moment(world.wait_outcome(name, 1 if name == "c-first" else 2)["startedAt"])
            for name in order
        ]
        assert started == sorted(set(started))


def test_a_service_without_a_free_place_holds_up_no_other(world: World, full: str) -> None:
    world.make("elsewhere", fate=QUICK)
    world.wait_outcome("elsewhere", 1, seconds=5)
    assert runs(world, "waiter") == 0


def test_retries_wait_for_a_place_as_all_others_do(world: World, full: str) -> None:
    with plugin(world, "retried", maxConcurrentFetches=1) as service:
        world.make("retried", fate=fails(), service=service, retryDelaysSeconds=[2])
        world.wait_outcome("retried", 1)
        world.make("between", fate={"delay": "6s"}, service=service)
        world.wait_outcome("between", 1)
        second = world.wait_outcome("retried", 2, seconds=15)
        assert moment(second["startedAt"]) >= moment(world.run("between")["finishedAt"])
        assert (second["attempt"], second["trigger"]) == (2, "Retry")


def test_an_integration_deleted_during_its_run_gives_its_place_back(
    world: World, full: str
) -> None:
    with plugin(world, "left", maxConcurrentFetches=1) as service:
        world.make("leaves", fate={"outcome": "hang"}, service=service)
        job_of(world, "leaves")
        world.make("follows", fate=QUICK, service=service)
        world.wait_reason("follows", "Pending", seconds=5)
        world.delete("integration", "leaves")
        world.wait_outcome("follows", 1, seconds=10)


def test_a_failed_run_gives_its_place_back_at_once(world: World, full: str) -> None:
    with plugin(world, "failing", maxConcurrentFetches=1) as service:
        world.make("fails", fate=fails(delay="2s"), service=service, **NEVER_AGAIN)
        job_of(world, "fails")
        world.make("then", fate=QUICK, service=service)
        world.wait_outcome("fails", 1)
        until(lambda: runs(world, "then") == 1, 8)


def test_waiting_is_said_after_a_minute_and_ends_when_a_place_is_made(
    world: World, full: str
) -> None:
    # Not looked at from the start: that nothing is said before is in what was written when.
    ready = world.wait_reason("waiter", "AtCapacity", seconds=70)
    made = moment(world.get("waiter")["metadata"]["creationTimestamp"])
    writes = [
        moment(entry["time"])
        for entry in world.get("waiter")["metadata"]["managedFields"]
        if entry.get("subresource") == "status"
    ]
    assert max(writes) - made >= timedelta(seconds=59)
    assert "maxConcurrentFetches" in ready["message"]
    assert ready["status"] == "Unknown"
    assert "nextUpdateAt" not in world.status("waiter")
    assert runs(world, "waiter") == 0
    patch = {"spec": {"maxConcurrentFetches": 2}}
    world.objects.patch_cluster_custom_object(
        "spark-integrations.dev", "v1", "plugins", full, patch
    )
    world.wait_outcome("waiter", 1, seconds=5)
