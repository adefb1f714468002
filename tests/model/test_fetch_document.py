"""The document that operator and runner agree upon (docs/contract.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from spark_operator.model import fetch_document, integration, plugin
from spark_operator.model.destination import Destination
from spark_operator.model.status import Mode, Run, Trigger

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
METADATA = {"uid": "uid-1", "namespace": "team-a", "name": "alice", "generation": 1}


def document(
    spec: dict[str, Any] | None = None, credentials: list[Any] | None = None, **changes: Any
) -> dict[str, Any]:
    return fetch_document.document(
        integration.parse({"metadata": METADATA, "spec": {"service": "demo", **(spec or {})}}),
        plugin.parse({"metadata": {"name": "demo"}, "spec": {"credentials": credentials or []}}),
        Destination("postgres", secret_name="warehouse"),
        replace(Run(7, 2, Trigger.RETRY, 1, "alice-1234-7", NOW), **changes),
    )


def test_the_document_is_the_one_of_the_contract() -> None:
    told = document({"config": {"a": 1}, "timeoutSeconds": 90})
    assert told == {
        "version": 1,
        "uid": "uid-1",
        "namespace": "team-a",
        "name": "alice",
        "run": 7,
        "attempt": 2,
        "mode": "fetch",
        "since": None,
        "request": None,
        "service": "demo",
        "config": {"a": 1},
        "credentials": None,
        "destination": {
            "type": "postgres",
            "secretName": "warehouse",
            "dataset": told["destination"]["dataset"],
        },
        "egressHosts": [],
        "timeoutSeconds": 90,
    }


def test_it_names_the_secret_and_the_keys_and_never_a_value() -> None:
    told = document(
        {"credentialsSecretName": "alice"}, [{"name": "a"}, {"name": "b", "required": False}]
    )
    assert told["credentials"] == {
        "secretName": "alice",
        "keys": [{"name": "a", "required": True}, {"name": "b", "required": False}],
        "writeBackAccount": None,
    }


def test_it_names_the_hosts_that_the_plugin_opens_and_no_integration_can_add_one() -> None:
    hosts = ["*.team-a.svc", "10.1.0.0/16"]
    mine = {"service": "demo", "egressHosts": ["0.0.0.0/0"], "config": {"egressHosts": ["::/0"]}}
    told = fetch_document.document(
        integration.parse({"metadata": METADATA, "spec": mine}),
        plugin.parse({"metadata": {"name": "demo"}, "spec": {"egressHosts": [*hosts, 7, None]}}),
        Destination("postgres", secret_name="warehouse"),
        Run(7, 2, Trigger.RETRY, 1, "alice-1234-7", NOW),
    )
    assert told["egressHosts"] == hosts


def test_it_tells_what_was_asked_for_and_from_when_on() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    told = document(mode=Mode.BACKFILL, since=since, request="t1")
    assert (told["mode"], told["since"], told["request"]) == (
        "backfill",
        "2026-01-01T00:00:00Z",
        "t1",
    )
