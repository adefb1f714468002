"""Exit codes and termination messages at the edge of the contract (docs/contract.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def fate(code: int, text: str) -> dict[str, str]:
    outcome = "fail" if code else "succeed"
    return {"outcome": outcome, "delay": "100ms", "exit-code": str(code), "message": text}


def says(**keys: Any) -> str:
    return json.dumps(keys)


# name → (exit code, termination message, error class, Ready reason, what the run holds besides)
FAILURES: dict[str, tuple[int, str, str, str, dict[str, Any]]] = {
    "not-by-us": (2, says(message="no order"), "transient", "BackingOff", {"reason": None}),
    "unknown-code": (99, says(message="odd"), "transient", "BackingOff", {"message": "odd."}),
    "no-reason": (10, says(message="no"), "permanent", "Failed", {"reason": "Failed"}),
    "odd-reason": (10, says(reason="Tired"), "permanent", "Failed", {"reason": "Failed"}),
    # A state of the operator's own, which a runner must not claim.
    "our-reason": (10, says(reason="Suspended"), "permanent", "Failed", {"reason": "Failed"}),
    "silent": (1, "", "transient", "BackingOff", {"rows": None}),
    "partly-loaded": (1, says(message="cut", rows=7), "transient", "BackingOff", {"rows": 7}),
    "not-limited": (
        1,
        says(message="no", retryAfterSeconds=9),
        "transient",
        "BackingOff",
        {"retryAfterSeconds": None},
    ),
    "limited-without-time": (
        11,
        says(message="slow"),
        "rateLimited",
        "RateLimited",
        {"retryAfterSeconds": None},
    ),
    "a-list": (12, "[1]", "transient", "BackingOff", {"rows": None}),
    "over-4096-bytes": (
        11,
        says(message="m", padding="x" * 4096),
        "transient",
        "BackingOff",
        {"retryAfterSeconds": None},
    ),
}
# name → (termination message, rows, how the Ready message begins)
SUCCESSES: dict[str, tuple[str, int | None, str]] = {
    "wordless": ("", None, "Loaded. Next fetch at "),
    "garbled": ("{", None, "Loaded. Next fetch at "),
    "one-row": (says(rows=1), 1, "Loaded 1 row. Next fetch at "),
    "no-rows": (says(rows=0), 0, "Loaded 0 rows. Next fetch at "),
    "warned": (says(rows=3, message="2 skipped"), 3, "Loaded 3 rows. 2 skipped. Next fetch at "),
    "negative": (says(rows=-1), None, "Loaded. Next fetch at "),
    "half": (says(rows=1.5), None, "Loaded. Next fetch at "),
    "beyond": (says(rows=10**18), 10**15, "Loaded 1000000000000000 rows. Next fetch at "),
}


@pytest.fixture(scope="module")
def fetched(world: World) -> World:
    """All of them go on at once."""
    for name, (code, text, *_) in FAILURES.items():
        world.make(name, fate=fate(code, text), **NEVER_AGAIN)
    for name, (text, *_) in SUCCESSES.items():
        world.make(name, fate=fate(0, text))
    return world


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_the_class_of_its_exit_code_if_its_message_is_readable(
    fetched: World, name: str
) -> None:
    code, _, error_class, reason, holds = FAILURES[name]
    run = fetched.wait_outcome(name, 1)
    assert (run["outcome"], run["errorClass"]) == ("Failed", error_class)
    assert {key: run.get(key) for key in holds} == holds
    ready = fetched.condition(name)
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert run["message"] in ready["message"]
    if "message" not in FAILURES[name][1]:
        assert f"exit code {code}" in ready["message"]


@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_counts_whatever_its_message_is(fetched: World, name: str) -> None:
    _, rows, begins = SUCCESSES[name]
    run = fetched.wait_outcome(name, 1)
    assert (run["outcome"], run.get("rows"), run.get("errorClass")) == ("Succeeded", rows, None)
    assert fetched.condition(name)["message"].startswith(begins)
    assert fetched.condition(name)["reason"] == "Fetched"
