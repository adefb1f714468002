"""Each alert fires and clears on a running Prometheus, and each query of the dashboard finds something.

Three installations on one API server, each with a fault of its own, so that they go on at once. Their
clocks and the waits of the rules are what is hurried; what the rules ask for is as the chart has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dev.prometheus import Prometheus
from tests.chart.test_alerts import ALERTS, ROOT, queries, rules
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, plugin, settings
from tests.support import prometheus
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.wall_clock import WallClock
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(300)]

HANGS = {"outcome": "hang"}
# A tick comes every 30 s, so that the oldest beat is 85 s old by this clock, which is not late yet.
BEHIND_SECONDS = -55


@dataclass
class Installation:
    world: World
    clock: WallClock
    operator: Operator


@pytest.fixture(scope="module")
def installed(
    apiserver: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Installation]]:
    """By the name of the fault that it is to have."""
    made: dict[str, Installation] = {}
    with ExitStack() as ends:
        for name in ("fetches", "ticks", "lead"):
            folder = tmp_path_factory.mktemp(name)
            world = World(apiserver)
            ends.callback(world.close)
            clock = WallClock(folder)
            operator = Operator(
                world.kubeconfig, folder, namespace=world.namespace, wall_clock=clock
            )
            ends.callback(operator.kill)
            made[name] = Installation(world, clock, operator)
        yield made


@pytest.fixture(scope="module")
def server(
    built_prometheus: Prometheus,
    installed: dict[str, Installation],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[prometheus.Server]:
    ports = {name: one.operator.metrics_port for name, one in installed.items()}
    base = tmp_path_factory.mktemp("prometheus")
    with prometheus.running(
        base, built_prometheus, ports, prometheus.impatient(ALERTS, "2s")
    ) as running:
        yield running


FIRE = {
    ("SparkIntegrationsStale", "fetches"),
    ("SparkIntegrationsFailing", "fetches"),
    ("SparkIntegrationsAtCapacity", "fetches"),
    ("SparkIntegrationsTickLate", "ticks"),
    ("SparkIntegrationsNoLeader", "lead"),
}


def hold_the_lease(world: World) -> None:
    """As a replica that vanished with a Lease of an hour."""
    now = datetime.now(UTC)
    world.leases.create_namespaced_lease(
        world.namespace,
        {
            "metadata": {"name": "spark"},
            "spec": {
                "holderIdentity": "vanished",
                "leaseDurationSeconds": 3600,
                "acquireTime": now.isoformat(),
                "renewTime": now.isoformat(),
            },
        },
    )


def test_each_alert_fires_and_clears_and_each_query_of_the_dashboard_finds_data(
    installed: dict[str, Installation], server: prometheus.Server
) -> None:
    assert {name for name, _ in FIRE} == {rule["alert"] for rule in rules()}
    fetches, ticks, lead = (installed[name] for name in ("fetches", "ticks", "lead"))
    hold_the_lease(lead.world)
    for one in installed.values():
        one.operator.start()
    for one in (fetches, ticks):
        one.operator.wait_leading()
    # Not before: by an earlier clock the API server's certificate is not valid yet.
    ticks.clock.move(BEHIND_SECONDS)

    beat = "spark_integrations_scheduler_heartbeat_timestamp_seconds"
    age = f'time() - {beat}{{job="ticks"}}'

    def fires(expected: set[tuple[str, str]], seconds: float) -> None:
        until(
            lambda: server.firing() == expected,
            seconds,
            lambda: f"{server.firing() ^ expected} differ from what should fire",
        )

    fires({("SparkIntegrationsNoLeader", "lead")}, 30)
    until(
        lambda: bool(server.query(f"{age} > {-BEHIND_SECONDS - 1}")), 30, "its clock is not behind"
    )
    ticks.world.delete("scheduler", "spark")

    world = fetches.world
    with plugin(world, "full", maxConcurrentFetches=1) as full:
        world.make("holder", fate=HANGS, service=full, timeoutSeconds=3600)
        job_of(world, "holder")
        world.make("waits", fate=QUICK, service=full)
        world.make("good", fate={**QUICK, "message": json.dumps({"rows": 42})})
        world.make("broken", fate=fails(), **NEVER_AGAIN)
        for name in ("good", "broken"):
            world.wait_outcome(name, 1)
        long_ago = (datetime.now(UTC) - timedelta(days=4)).isoformat(timespec="seconds")
        world.patch_status("broken", lastSuccessfulUpdateAt=long_ago)
        world.request("good", "again")
        world.wait_outcome("good", 2)
        # What waits for a place says so after a minute.
        world.wait_reason("waits", "AtCapacity", seconds=75)
        fires(FIRE, 90)

        look_at_the_dashboard(server)
        look_as_the_page_says(server, world.namespace)

        world.change("broken", config=settings(QUICK))
        world.delete("integration", "holder")
        ticks.world.make_scheduler()
        lead.world.delete("lease", "spark")
        fires(set(), 60)
        world.wait_outcome("waits", 1)

    # And where nobody is left who could say that nobody leads: each that was there is missed by its name.
    for one in installed.values():
        assert one.operator.terminate() == 0
    fires({("SparkIntegrationsNoLeader", name) for name in installed}, 30)
    fetches.operator.start()
    fires({("SparkIntegrationsNoLeader", name) for name in ("ticks", "lead")}, 60)


def look_at_the_dashboard(server: prometheus.Server) -> None:
    """While everything goes wrong at once: a query that shows only troubles has some to show."""
    empty = []
    for expression in queries():
        # What Grafana puts in: all of each variable, and a time that holds all that happened here.
        asked = expression.replace("$__rate_interval", "5m")
        asked = re.sub(r"\$(operator|service|namespace)\b", ".*", asked)
        assert "$" not in asked
        if not server.query(asked):
            empty.append(asked)
    assert empty == []


def look_as_the_page_says(server: prometheus.Server, service: str) -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    shown = [
        line.replace("SERVICE", service)
        for block in re.findall(r"^```promql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(shown) == 4
    assert [line for line in shown if not server.query(line)] == []
