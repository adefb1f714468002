"""What the Scheduler's status says of the Integrations: each number is that of a state made on purpose.

A replica counts as soon as it leads, so each test lets a new one take over instead of waiting for a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, moment, plugin
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

NAMES = ("total", "due", "fetching", "failing", "suspended")
HANGS = {"outcome": "hang"}


def counts(*numbers: int) -> dict[str, int]:
    return dict(zip(NAMES, numbers, strict=True))


@pytest.fixture
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture
def take_over(world: World, tmp_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Let a new replica lead; what it reports first."""
    operator = Operator(world.kubeconfig, tmp_path, namespace=world.namespace)
    operator.start().wait_leading()

    def restart() -> dict[str, Any]:
        assert operator.terminate() == 0
        before = world.scheduler().get("status", {}).get("leader")
        operator.start().wait_leading()
        until(lambda: world.scheduler().get("status", {}).get("leader") != before, 10, "no report")
        status: dict[str, Any] = world.scheduler()["status"]
        return status

    yield restart
    operator.kill()


def test_each_state_is_counted_in_total_and_by_service_and_a_service_that_went_is_not_named(
    world: World, take_over: Callable[[], dict[str, Any]]
) -> None:
    with plugin(world, "full", maxConcurrentFetches=1) as full:
        for name in ("fetched", "also-fetched"):
            world.make(name, fate=QUICK)
        world.make("failed", fate=fails(), **NEVER_AGAIN)
        world.make("paused", fate=QUICK, suspend=True)
        world.make("goes-on", fate=HANGS, timeoutSeconds=3600)
        world.make("holder", fate=HANGS, service=full, timeoutSeconds=3600)
        for name in ("goes-on", "holder"):
            job_of(world, name)
        for name in ("waits", "waits-too", "waits-also"):
            world.make(name, fate=QUICK, service=full)
            world.wait_reason(name, "Pending")
        for name in ("fetched", "also-fetched", "failed"):
            world.wait_outcome(name, 1)
        world.wait_reason("paused", "Suspended")

        status = take_over()
        assert status["byService"] == {
            world.namespace: counts(5, 0, 1, 1, 1),
            full: counts(4, 3, 1, 0, 0),
        }
        assert status["counts"] == counts(9, 3, 2, 1, 1)

        for name in ("holder", "waits", "waits-too", "waits-also"):
            world.delete("integration", name)
        status = take_over()
        assert status["byService"] == {world.namespace: counts(5, 0, 1, 1, 1)}
        assert status["counts"] == counts(5, 0, 1, 1, 1)


def test_a_service_without_a_plugin_counts_in_the_total_alone(
    world: World, take_over: Callable[[], dict[str, Any]]
) -> None:
    world.make("mistyped", service="ret")
    world.wait_reason("mistyped", "UnknownService")
    status = take_over()
    assert status["counts"] == counts(1, 0, 0, 0, 0)
    assert status.get("byService", {}) == {}


def test_the_report_tells_who_leads_when_it_looked_and_how_long_it_took(
    world: World, take_over: Callable[[], dict[str, Any]]
) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    status = take_over()
    lease = world.leases.read_namespaced_lease("spark", world.namespace)
    assert status["leader"] == lease.spec.holder_identity
    assert begun <= moment(status["lastCheckAt"]) <= datetime.now(UTC)
    assert 0 <= status["lastCheckSeconds"] < 10
    assert status["counts"] == counts(0, 0, 0, 0, 0)
