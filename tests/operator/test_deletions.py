"""The Scheduler deleted by hand, and that nothing the operator makes holds a deletion up."""

from __future__ import annotations

import time

import pytest
from tests.operator.support import (
    QUICK,
    job_of,
)
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_without_its_scheduler_outcomes_are_recorded_and_nothing_is_dispatched(
    world: World,
) -> None:
    world.make("last", fate={"delay": "1s"})
    job_of(world, "last")
    started = time.monotonic()
    world.delete("scheduler", "spark")
    assert time.monotonic() - started < 2
    world.wait_outcome("last", 1)
    world.make("next", fate=QUICK)
    until(lambda: world.condition("next").get("reason") == "Pending", 5)
    assert world.run("next") == {}
    world.make_scheduler()
    world.wait_outcome("next", 1)


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
