"""Reading the API server's audit log, as far as figures depend on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.audit import BARE, CRONJOBS, OPERATOR, AuditLog, Request

from bench import audit


def event(**changed: Any) -> bytes:
    body = {
        "stage": "ResponseComplete",
        "verb": "create",
        "userAgent": OPERATOR,
        "objectRef": {"resource": "jobs", "namespace": "a", "name": "i00007-abcdef01-3"},
        "responseStatus": {"code": 201},
        "requestReceivedTimestamp": "2026-01-01T00:00:10.000000Z",
        "stageTimestamp": "2026-01-01T00:00:10.250000Z",
        **changed,
    }
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def request(client: str, verb: str, resource: str, *, code: int = 200, name: str = "") -> Request:
    return Request(1.0, 2.0, client, verb, resource, name, code)


def test_a_creation_exists_when_its_answer_was_complete() -> None:
    made = audit.parse(event())
    assert made is not None
    assert made.ended - made.began == pytest.approx(0.25)
    assert audit.integration_of(made.name) == "i00007"


def test_a_watch_that_begins_is_no_request_yet() -> None:
    assert audit.parse(event(stage="ResponseStarted", verb="watch")) is None


def test_the_subresource_belongs_to_the_resource() -> None:
    target = {"resource": "integrations", "subresource": "status", "name": "i00007"}
    made = audit.parse(event(verb="patch", objectRef=target))
    assert made is not None
    assert made.resource == "integrations/status"


def test_what_came_before_the_mark_and_what_is_half_written_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    assert log.mark() == 0
    assert log.since(0) == []
    path.write_bytes(event())
    mark = log.mark()
    with path.open("ab") as file:
        file.write(event(verb="delete"))
        file.write(event()[:-40])
    assert [r.verb for r in log.since(mark)] == ["delete"]
    assert log.count(mark, '"verb":"delete"', '"resource":"jobs"') == 1
    assert log.count(mark, '"verb":"create"') == 0


def test_counting_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(event() * 3)
    AuditLog(path).wait_count(0, 3, '"verb":"create"', limit_seconds=5)
    with pytest.raises(TimeoutError, match="3 of 4"):
        AuditLog(path).wait_count(0, 4, '"verb":"create"', limit_seconds=0.1)


def test_only_jobs_that_this_client_made_are_its_dispatches() -> None:
    requests = [
        request(OPERATOR, "create", "jobs", code=201, name="a"),
        request(OPERATOR, "create", "jobs", code=409, name="a"),
        request(OPERATOR, "create", "events", code=201, name="b"),
        request(f"kube-controller-manager/v1 {CRONJOBS}", "create", "jobs", code=201, name="c"),
        request(BARE, "create", "jobs", code=201, name="d"),
    ]
    assert [r.name for r in audit.job_creations(requests, OPERATOR)] == ["a"]
    assert [r.name for r in audit.job_creations(requests, CRONJOBS)] == ["c"]


def test_upkeep_is_no_write_of_a_fetch_and_no_request_at_rest() -> None:
    requests = [
        request(OPERATOR, "update", "leases"),
        request(OPERATOR, "patch", "schedulers/status"),
        request(OPERATOR, "watch", "jobs"),
        request(OPERATOR, "list", "integrations"),
        request("kubectl", "patch", "integrations/status"),
    ]
    assert audit.fetch_writes(requests, OPERATOR) == 0
    assert audit.idle_requests(requests, OPERATOR) == (0, 1)


def test_the_writes_of_a_fetch_are_claim_job_outcome_and_prune() -> None:
    requests = [
        request(OPERATOR, "patch", "integrations/status"),
        request(OPERATOR, "create", "jobs", code=201),
        request(OPERATOR, "list", "pods"),
        request(OPERATOR, "patch", "integrations/status"),
        request(OPERATOR, "patch", "integrations/status", code=409),
        request(OPERATOR, "delete", "jobs"),
    ]
    assert audit.fetch_writes(requests, OPERATOR) == 4
    assert audit.pod_reads(requests, OPERATOR) == 1
    assert audit.idle_requests(requests, OPERATOR) == (5, 1)
