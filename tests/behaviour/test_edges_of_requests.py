"""The token at its longest, requests that meet a suspended Scheduler, and what the operator leaves on objects."""

from __future__ import annotations

import pytest
from tests.operator.support import QUICK, runs
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = pytest.mark.apiserver

LONGEST = "x" * 128


def ignored(world: World, name: str) -> bool:
    return "requestedAt is ignored" in world.condition(name)["message"]


def test_a_token_of_128_characters_is_taken_and_of_129_refused_once_until_it_is_mended(
    world: World,
) -> None:
    world.make("token", fate=QUICK)
    world.wait_outcome("token", 1)
    world.request("token", LONGEST)
    world.wait_outcome("token", 2)
    assert world.status("token")["lastHandledRequest"] == LONGEST
    assert not ignored(world, "token")

    world.request("token", LONGEST + "x")
    until(lambda: ignored(world, "token"), 5)
    # Written anew for another reason, it is said no second time, and nothing is started.
    world.change("token", updateFrequencyMinutes=120)
    until(lambda: world.condition("token")["observedGeneration"] == 2, 5)
    assert ignored(world, "token")
    assert [e[:2] for e in world.events("token")] == [("Warning", "InvalidRequest")]
    assert runs(world, "token") == 2
    assert world.status("token")["lastHandledRequest"] == LONGEST

    world.request("token", "mended")
    world.wait_outcome("token", 3)
    until(lambda: not ignored(world, "token"), 5)
    assert len(world.events("token")) == 1


def test_the_token_that_was_taken_asks_for_nothing_when_it_is_written_again(world: World) -> None:
    world.make("same", fate=QUICK)
    world.wait_outcome("same", 1)
    world.request("same", "once")
    world.wait_outcome("same", 2)
    world.request("same", "once")
    # What is asked for after it is fetched after it: by then the other was seen.
    world.make("after", fate=QUICK)
    world.wait_outcome("after", 1)
    assert runs(world, "same") == 2


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


def test_no_object_of_any_kind_is_held_back_by_the_operator(world: World) -> None:
    """A finalizer, or a reference that blocks its owner, would let a deletion hang."""
    world.make("free", fate=QUICK)
    job = world.jobs.read_namespaced_job(world.wait_outcome("free", 1)["jobName"], world.namespace)
    lease = world.leases.read_namespaced_lease("spark", world.namespace)
    plugin = world.objects.get_cluster_custom_object(GROUP, VERSION, "plugins", world.namespace)
    for metadata in (job.metadata, lease.metadata):
        assert metadata.finalizers is None
        assert not any(owner.block_owner_deletion for owner in metadata.owner_references or ())
    for body in (world.get("free"), world.scheduler(), plugin):
        assert "finalizers" not in body["metadata"]
        assert "annotations" not in body["metadata"]
