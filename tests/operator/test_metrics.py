"""What a scraper reads of a real operator, and what its log says of each run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, moment
from tests.support.process import Operator
from tests.support.scrape import Scrape
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module")
def world(apiserver: Any) -> Any:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture(scope="module")
def operator(world: World, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("operator")
    made = Operator(world.kubeconfig, folder, namespace=world.namespace, log_format="json")
    made.start().wait_leading()
    yield made
    made.kill()


def scrape(operator: Operator) -> Scrape:
    return Scrape.of(operator.metrics_port)


def test_runs_of_a_real_operator_are_counted_and_each_integration_has_its_times(
    world: World, operator: Operator
) -> None:
    service = world.namespace
    world.make("good", fate={**QUICK, "message": json.dumps({"rows": 42})})
    world.make("bad", fate=fails(), **NEVER_AGAIN)
    for name in ("good", "bad"):
        world.wait_outcome(name, 1)
    until(
        lambda: scrape(operator).value("ready_reason", service=service, reason="BackingOff") == 1,
        10,
        "the failure is not counted",
    )
    told = scrape(operator)
    assert told.value("leader") == 1
    assert told.value("run_total", service=service, result="succeeded") == 1
    assert told.value("run_total", service=service, result="failed", class_="transient") == 1
    assert told.value("rows_loaded_total", service=service) == 42
    assert told.value("dispatch_total", service=service, outcome="created") == 2
    assert told.value("dispatch_skew_seconds_count") == 2
    skew = told.value("dispatch_skew_seconds_sum")
    assert skew is not None
    assert 0 <= skew < 20
    assert told.value("failing", service=service) == 1
    status = world.status("good")
    for metric, field in (
        ("last_success_timestamp_seconds", "lastSuccessfulUpdateAt"),
        ("next_run_timestamp_seconds", "nextUpdateAt"),
    ):
        seconds = told.value(metric, namespace=world.namespace, name="good")
        assert seconds == moment(status[field]).timestamp()
    for type_, value in (("Ready", "False"), ("Reconciling", "True"), ("Stalled", "False")):
        assert told.value("condition", name="bad", type=type_, status=value) == 1


def test_requests_are_counted_with_the_watches_among_them(world: World, operator: Operator) -> None:
    told = scrape(operator)
    for verb, resource, code in (
        ("create", "jobs", "201"),
        ("patch", "integrations/status", "200"),
        ("list", "integrations", "200"),
        ("watch", "integrations", "200"),
        ("watch", "jobs", "200"),
        ("create", "events", "201"),
    ):
        count = told.value("api_requests_total", verb=verb, resource=resource, code=code)
        assert count is not None, (verb, resource, code)
        assert count >= 1


def test_the_series_of_an_integration_go_with_it(world: World, operator: Operator) -> None:
    world.make("brief", fate=QUICK)
    world.wait_outcome("brief", 1)
    until(lambda: '"brief"' in scrape(operator).text, 10, "it has no series")
    world.delete("integration", "brief")
    until(lambda: '"brief"' not in scrape(operator).text, 10, "its series stay")


def test_a_fetch_that_goes_on_is_in_flight(world: World, operator: Operator) -> None:
    world.make("endless", fate={"outcome": "hang"}, timeoutSeconds=3600)
    job_of(world, "endless")
    service = world.namespace
    until(lambda: scrape(operator).value("service_inflight", service=service) == 1, 5)
    world.delete("integration", "endless")
    until(lambda: scrape(operator).value("service_inflight", service=service) == 0, 5)


def test_one_of_two_replicas_leads_and_the_other_tells_of_no_integration(
    world: World, operator: Operator, tmp_path: Path
) -> None:
    standby = Operator(world.kubeconfig, tmp_path, namespace=world.namespace, name="standby")
    standby.start()
    try:
        until(lambda: "caches are whole" in standby.output(), 30, standby.output)
        told = scrape(standby)
        assert (told.value("leader"), scrape(operator).value("leader")) == (0, 1)
        assert not list(told.matching("last_success_timestamp_seconds"))
        assert not list(told.matching("scheduler_heartbeat_timestamp_seconds"))
    finally:
        standby.kill()


def test_each_line_of_the_log_about_a_run_names_run_job_and_uid(
    world: World, operator: Operator
) -> None:
    uid = world.make("logged", fate=fails(), **NEVER_AGAIN)
    run = world.wait_outcome("logged", 1)

    def lines() -> list[dict[str, Any]]:
        read = [json.loads(line) for line in operator.output().splitlines() if line]
        return [line for line in read if line.get("uid") == uid]

    until(lambda: any("failed" in line["message"] for line in lines()), 5, "the end is not told")
    told = lines()
    assert [line["level"] for line in told] == ["info", "error"]
    for line in told:
        assert line["time"].endswith("+00:00")
        assert (line["namespace"], line["integration"]) == (world.namespace, "logged")
        assert (line["run"], line["job"]) == (1, run["jobName"])


def test_what_fell_due_while_no_operator_ran_is_dispatched_as_late_as_it_is(
    apiserver: Any, tmp_path: Path
) -> None:
    """The delay is counted from the time that was announced in the status."""
    world = World(apiserver)
    operator = Operator(world.kubeconfig, tmp_path, namespace=world.namespace)
    try:
        operator.start().wait_leading()
        world.make("late", fate=QUICK, updateFrequencyMinutes=10)
        world.wait_outcome("late", 1)
        assert operator.terminate() == 0
        fetched = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=12)
        due = fetched + timedelta(minutes=10)
        world.patch_status(
            "late", lastSuccessfulUpdateAt=fetched.isoformat(), nextUpdateAt=due.isoformat()
        )
        operator.start().wait_leading()
        world.wait_outcome("late", 2)
        told = Scrape.of(operator.metrics_port)
        assert told.value("dispatch_skew_seconds_count") == 1
        skew = told.value("dispatch_skew_seconds_sum")
        assert skew is not None
        assert 120 <= skew < 180
    finally:
        operator.kill()
        world.close()
