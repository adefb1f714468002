"""Deleted by hand where others would hang: with the operator down, and the Lease under its feet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from tests.operator.support import QUICK, job_of
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture
def operator(apiserver: Any, tmp_path: Path) -> Iterator[tuple[World, Operator]]:
    """Of its own for each test, with a short Lease."""
    world = World(apiserver)
    started = Operator(world.kubeconfig, tmp_path, namespace=world.namespace, lease_seconds=3)
    try:
        yield world, started.start().wait_leading()
    finally:
        started.kill()
        world.objects.delete_cluster_custom_object(GROUP, VERSION, "plugins", world.namespace)
        world.core.delete_namespace(world.namespace)


def test_the_lease_deleted_by_hand_is_made_again_and_fetches_go_on(
    operator: tuple[World, Operator],
) -> None:
    world, process = operator
    world.make("during", fate={"delay": "3s"})
    job_of(world, "during")
    before = world.leases.read_namespaced_lease("spark", world.namespace).metadata.uid
    world.delete("lease", "spark")

    def made_again() -> bool:
        try:
            lease = world.leases.read_namespaced_lease("spark", world.namespace)
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return bool(lease.metadata.uid != before and lease.spec.holder_identity)

    until(made_again, 10, process.output)
    world.make("after", fate=QUICK)
    for name in ("during", "after"):
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
    assert process.running
    assert process.leads()


def test_a_lease_taken_by_hand_ends_the_process_for_a_fresh_start(
    operator: tuple[World, Operator],
) -> None:
    world, process = operator
    stolen = {"spec": {"holderIdentity": "somebody"}}
    world.leases.patch_namespaced_lease("spark", world.namespace, stolen)
    assert process.wait(10) == 1
    assert "somebody took the lead" in process.output()
    world.make("later", fate=QUICK)
    process.start().wait_leading()
    world.wait_outcome("later", 1)


def test_with_the_operator_down_everything_is_deleted_at_once(
    operator: tuple[World, Operator],
) -> None:
    world, process = operator
    for name in ("done", "hangs"):
        world.make(name, fate={"outcome": "hang"} if name == "hangs" else QUICK)
    world.wait_outcome("done", 1)
    job_of(world, "hangs")
    process.kill()
    started = time.monotonic()
    for kind, name in (("integration", "done"), ("integration", "hangs"), ("scheduler", "spark")):
        world.delete(kind, name)
    for plural in ("integrations", "schedulers"):
        left = world.objects.list_namespaced_custom_object(GROUP, VERSION, world.namespace, plural)
        assert left["items"] == []
    assert time.monotonic() - started < 5
    process.start().wait_leading()
    until(lambda: "NoScheduler" in process.output(), 10, process.output)
    world.make_scheduler()
    world.make("anew", fate=QUICK)
    world.wait_outcome("anew", 1)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_status_with_a_time_beyond_the_calendar_does_not_keep_the_operator_from_leading(
    operator: tuple[World, Operator], text: str
) -> None:
    world, process = operator
    world.make("forged", fate=QUICK)
    world.wait_outcome("forged", 1)
    world.patch_status("forged", lastSuccessfulUpdateAt=text, lastTriggeredAt=text)
    world.wait_outcome("forged", 2, seconds=10)
    process.kill()
    world.patch_status("forged", lastSuccessfulUpdateAt=text, lastTriggeredAt=text)
    process.start().wait_leading()
    world.wait_outcome("forged", 3, seconds=10)
