"""How fetches end on a real API server, and what stands in the status afterwards."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def fate(code: int, **message: Any) -> dict[str, str]:
    return {
        "outcome": "fail" if code else "succeed",
        "delay": "100ms",
        "exit-code": str(code),
        "message": json.dumps(message),
    }


# name → (fate, spec, error class, Ready reason, what the message says)
_FAILURES: dict[str, tuple[dict[str, str], dict[str, Any], str, str, str]] = {
    "transient": (fate(1, message="host down"), {}, "transient", "BackingOff", "host down."),
    "limited": (
        fate(11, message="slow down", retryAfterSeconds=700),
        {},
        "rateLimited",
        "RateLimited",
        "slow down.",
    ),
    "stopped": (fate(12, message="at page 3"), {}, "timeout", "BackingOff", "at page 3."),
    "token": (
        fate(10, message="wrong token", reason="InvalidCredentials"),
        {},
        "permanent",
        "InvalidCredentials",
        "wrong token.",
    ),
    "config": (
        fate(10, message="no such table", reason="InvalidConfig"),
        {},
        "permanent",
        "InvalidConfig",
        "no such table.",
    ),
    "last": (
        fate(1, message="again"),
        {"retryDelaysSeconds": []},
        "transient",
        "Failed",
        "All 1 attempts failed.",
    ),
    "memory": (
        {"outcome": "fail", "delay": "100ms", "exit-code": "137", "reason": "OOMKilled"},
        {},
        "oomKilled",
        "BackingOff",
        "OOMKilled",
    ),
    "nonsense": (
        {"outcome": "fail", "delay": "100ms", "exit-code": "10", "message": "Traceback"},
        {},
        "transient",
        "BackingOff",
        "exit code 10",
    ),
    "image": (
        {"outcome": "pending", "reason": "ErrImagePull"},
        {"timeoutSeconds": 30},
        "imagePullFailed",
        "BackingOff",
        "cannot be pulled",
    ),
    "never-ready": (
        {"outcome": "pending"},
        {"timeoutSeconds": 30},
        "unschedulable",
        "BackingOff",
        "has not started (ContainerCreating)",
    ),
    "endless": (
        {"outcome": "hang"},
        {"timeoutSeconds": 30},
        "timeout",
        "BackingOff",
        "timeoutSeconds",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def fetched(world: World) -> World:
    """All of them go on at once."""
    world.make("good", fate=fate(0, rows=42), updateFrequencyMinutes=60)
    for name, (fate_, spec, *_) in _FAILURES.items():
        world.make(name, fate=fate_, **spec)
    return world


def test_a_success_is_recorded_whole(fetched: World) -> None:
    run = fetched.wait_outcome("good", 1)
    body, status = fetched.get("good"), fetched.status("good")
    assert (run["number"], run["attempt"], run["trigger"], run["mode"]) == (
        1,
        1,
        "Scheduled",
        "fetch",
    )
    assert (run["outcome"], run["rows"]) == ("Succeeded", 42)
    assert run["generation"] == status["observedGeneration"] == body["metadata"]["generation"]
    assert run["jobName"] in fetched.job_names()
    assert status["lastTriggeredAt"] == run["startedAt"] <= run["finishedAt"]
    assert status["lastSuccessfulUpdateAt"] == run["finishedAt"]
    due = datetime.fromisoformat(run["finishedAt"]) + timedelta(minutes=60)
    assert datetime.fromisoformat(status["nextUpdateAt"]) == due
    assert status["consecutiveFailures"] == 0
    assert "lastFailedAt" not in status
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
    }
    assert fetched.condition("good")["message"].startswith("Loaded 42 rows.")
    assert fetched.events("good") == []


@pytest.mark.parametrize(("name", "seconds"), [("transient", 60), ("limited", 700)])
def test_the_retry_is_announced_by_ladder_and_retry_after(
    fetched: World, name: str, seconds: int
) -> None:
    run = fetched.wait_outcome(name, 1)
    due = datetime.fromisoformat(run["finishedAt"]) + timedelta(seconds=seconds)
    assert datetime.fromisoformat(fetched.status(name)["nextUpdateAt"]) == due
    if name == "limited":
        assert run["retryAfterSeconds"] == 700


def test_the_reason_of_a_permanent_failure_stands_in_the_run(fetched: World) -> None:
    run = fetched.wait_outcome("token", 1)
    assert (run["reason"], run["message"]) == ("InvalidCredentials", "wrong token.")


# Last, since three of them wait for a deadline of 30 s, which the tests before use.
@pytest.mark.parametrize("name", _FAILURES)
def test_a_failure_is_recorded_with_its_class_and_said_in_condition_and_event(
    fetched: World, name: str
) -> None:
    _, _, error_class, reason, says = _FAILURES[name]
    run = fetched.wait_outcome(name, 1, seconds=75)
    assert (run["outcome"], run["errorClass"]) == ("Failed", error_class)
    status = fetched.status(name)
    assert "lastTriggeredAt" not in status
    assert status["lastFailedAt"] == run["finishedAt"]
    ready = fetched.condition(name)
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert says in ready["message"]
    until(lambda: bool(fetched.events(name)), 5, "no Event")
    assert ("Warning", reason) in {(kind, why) for kind, why, _ in fetched.events(name)}
    cycle_ended = reason in ("Failed", "InvalidCredentials", "InvalidConfig")
    assert status["consecutiveFailures"] == int(cycle_ended)
    assert fetched.condition(name, "Stalled")["status"] == str(cycle_ended)
