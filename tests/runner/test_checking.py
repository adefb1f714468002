"""A check: one cheap call, the destination, and no record anywhere; and the dry run."""

import json

import pytest
from pod_process import paths

from spark_plugins.testing import Answer, json_answer


def test_a_check_asks_for_one_page_and_loads_nothing(warehouse, service, postgres):
    warehouse.config["resources"][0]["pagination"] = {"type": "link_header"}
    service.on("/items", json_answer([{"id": 1}], Link='</items?page=2>; rel="next"'))
    warehouse.mode = "check"
    ended = warehouse.fetch()
    assert ended.exit == 0
    assert ended.message == {
        "message": "The service answered, and the destination is reached and owned. "
        'Resource "items" has records.'
    }
    assert len(service.requests) == 1
    dataset = warehouse.destination["dataset"]
    tables = postgres.rows(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{dataset}'"
    )
    assert tables == [("_spark_owner",)]
    service.on("/items", json_answer([{"id": 1}]))
    warehouse.mode = "fetch"
    assert warehouse.fetch().message == {"rows": 1}


def test_a_check_between_two_fetches_leaves_the_cursor_where_it_was(rest, service):
    rest.config["resources"][0]["incremental"] = {"cursorPath": "at", "startParam": "since"}
    service.on("/items", json_answer([{"id": 1, "at": "2026-01-05"}]))
    assert rest.fetch().exit == 0
    rest.mode = "check"
    assert rest.fetch().exit == 0
    rest.mode = "fetch"
    assert rest.fetch().exit == 0
    assert [r.query.get("since") for r in service.requests] == [None, None, "2026-01-05"]


@pytest.mark.parametrize(
    ("answer", "exit_code", "reason"),
    [
        (Answer(401), 10, "InvalidCredentials"),
        (Answer(429, headers={"Retry-After": "7"}), 11, None),
        (Answer(500), 1, None),
    ],
)
def test_a_check_fails_as_a_fetch_would(rest, service, answer, exit_code, reason):
    service.on("/items", answer)
    rest.mode = "check"
    ended = rest.fetch()
    assert (ended.exit, ended.message.get("reason")) == (exit_code, reason)


def test_a_check_says_that_the_destination_is_anothers_before_it_asks_the_service(rest, service):
    service.on("/items", json_answer([{"id": 1}]))
    assert rest.fetch().exit == 0
    asked = len(service.requests)
    rest.name, rest.mode = "bob", "check"
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "belongs to the Integration team-a/alice" in ended.said
    assert len(service.requests) == asked


def test_a_plugin_may_bring_a_check_of_its_own(made, service):
    pod = made("Checking")
    service.on("/me", json_answer({}))
    pod.mode = "check"
    ended = pod.fetch()
    assert ended.exit == 0
    assert ended.said.endswith("reached and owned. Signed in.")
    service.on("/me", Answer(403))
    assert pod.fetch().exit == 10


def test_a_dry_run_prints_records_and_loads_nothing(rest, service):
    rest.config["resources"][0]["pagination"] = {"type": "link_header"}
    rest.secret(token="canary-77aa")
    rest.config["auth"] = {"type": "bearer"}
    records = [{"id": number, "v": "canary-77aa"} for number in range(20)]
    service.on("/items", json_answer(records))
    rest.environment = {"DRY_RUN": "3"}
    ended = rest.fetch()
    assert ended.exit == 0
    assert ended.raw == b""
    shown = [json.loads(line) for line in ended.stdout.splitlines()]
    assert shown == [{"resource": "items", "record": {"id": n, "v": "***"}} for n in range(3)]
    assert list(paths(rest.base).data.iterdir()) == []
    assert rest.leftovers() == []


def test_a_dry_run_needs_no_destination_that_can_be_reached(warehouse, service):
    warehouse.warehouse(host="nowhere.invalid")
    service.on("/items", json_answer([{"id": 1}]))
    warehouse.environment = {"DRY_RUN": "3"}
    assert warehouse.fetch().exit == 0
