"""Whether an operator lives is judged by the API server's clock: one whose own clock is wrong is alive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.cli.support import Spark
from tests.decide.make import NOW, ago, scheduler
from tests.support.world import GROUP, VERSION, World

from spark_cli.decide import health, state, written
from spark_cli.decide.health import Level
from spark_cli.gather import facts
from spark_cli.show.times import ago as told_ago


def lease(stated: str, came: str) -> dict[str, Any]:
    entry = {"manager": "operator", "time": came, "fieldsV1": {"f:spec": {"f:renewTime": {}}}}
    # Of another who wrote something else, later.
    other = {
        "manager": "kubectl",
        "time": "2026-03-01T13:00:00Z",
        "fieldsV1": {"f:metadata": {"f:labels": {}}},
    }
    return {
        "metadata": {"managedFields": [entry, other]},
        "spec": {"holderIdentity": "a_1", "leaseDurationSeconds": 15, "renewTime": stated},
    }


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_lease_is_as_old_as_its_last_write(minutes: int) -> None:
    def at(seconds: int) -> dict[str, Any]:
        came = ago(seconds=seconds)
        stated = came + timedelta(minutes=minutes)
        return lease(f"{stated:%Y-%m-%dT%H:%M:%S.123456Z}", f"{came:%Y-%m-%dT%H:%M:%SZ}")

    assert health.lease(at(5), "l", NOW).level is Level.OK
    assert health.lease(at(300), "l", NOW).level is Level.FAIL
    off = written.ahead(at(5), *health.RENEWED)
    assert off is not None
    assert abs(off - timedelta(minutes=minutes)) < timedelta(seconds=1)


def test_a_time_in_the_future_that_nothing_explains_counts_as_absent() -> None:
    """As the operator counts it."""
    later = NOW + timedelta(minutes=5)
    assert "No operator has checked" in state.silence(scheduler(), later, NOW)
    assert state.silence(scheduler(), NOW + timedelta(seconds=30), NOW) == ""
    assert health.scheduler(scheduler(), later, NOW).level is Level.FAIL
    body = {"spec": {"holderIdentity": "a_1", "renewTime": "2026-03-01T12:05:00.000000Z"}}
    assert health.lease(body, "l", NOW).level is Level.FAIL
    assert told_ago(later, NOW) == ""


@pytest.mark.apiserver
@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-10, 10])
def test_an_operator_whose_clock_is_wrong_is_alive(
    spark: Spark, world: World, minutes: int
) -> None:
    """As it would write; the real one writes the next time within 30 s."""
    stated = datetime.now(UTC) + timedelta(minutes=minutes)
    status = {"lastCheckAt": f"{stated:%Y-%m-%dT%H:%M:%SZ}"}
    body = world.objects.patch_namespaced_custom_object_status(
        GROUP, VERSION, world.namespace, "schedulers", "spark", {"status": status}
    )
    checked, ahead = facts.checked_at(body), written.ahead(body, *health.CHECKED)
    assert spark("list").err == "No integrations found in " + f'"{world.namespace}".\n'
    assert checked is not None
    assert ahead is not None
    assert abs(checked - datetime.now(UTC)) < timedelta(seconds=30)
    assert abs(ahead - timedelta(minutes=minutes)) < timedelta(seconds=30)
