"""What a pod writes into its termination message is text for people: it moves nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spark_operator.decide import outcome
from spark_operator.model import job, pod
from spark_operator.model.status import MAX_RETRY_AFTER_SECONDS, ErrorClass, Run, Trigger

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
RUN = Run(7, 1, Trigger.SCHEDULED, 1, "alice-1234-7", NOW)
CLASSES = {10: ErrorClass.PERMANENT, 11: ErrorClass.RATE_LIMITED, 12: ErrorClass.TIMEOUT}

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_keys = ["message", "rows", "retryAfterSeconds", "reason"]
# Those that are read, and those of a status that a forger would like to be read.
_forged = st.dictionaries(
    st.sampled_from([*_keys, "outcome", "errorClass", "finishedAt", "number", "exitCode", "class"]),
    _scalars | st.sampled_from(["Succeeded", "permanent", "InvalidConfig", "2030-01-01T00:00:00Z"]),
)


def ended(code: int, message: str, *, succeeded: bool) -> outcome.Ending:
    kind = "Complete" if succeeded else "Failed"
    body: dict[str, Any] = {
        "metadata": {"name": "alice-1234-7", "uid": "u"},
        "status": {
            "completionTime": "2026-03-01T12:00:09Z",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-03-01T12:00:09Z"}
            ],
        },
    }
    state = {"terminated": {"exitCode": code, "message": message}}
    report = pod.parse([{"metadata": {}, "status": {"containerStatuses": [{"state": state}]}}])
    made = job.parse(body)
    assert made.succeeded is succeeded
    return outcome.ending(RUN, made, report, was_ready=True)


@given(body=_forged, code=st.sampled_from([1, 2, 10, 11, 12, 127, 137, 255]))
def test_the_class_of_a_failure_is_its_exit_codes_whatever_the_message_says(
    body: dict[str, Any], code: int
) -> None:
    found = ended(code, json.dumps(body), succeeded=False)
    assert found.error_class is CLASSES.get(code, ErrorClass.TRANSIENT)
    assert found.ended_at == NOW + timedelta(seconds=9)
    assert found.retry_after_seconds is None or (
        code == 11 and 0 <= found.retry_after_seconds <= MAX_RETRY_AFTER_SECONDS
    )
    assert (found.reason is not None) is (code == 10)


@given(body=_forged)
def test_a_success_is_the_jobs_to_tell_and_stays_one(body: dict[str, Any]) -> None:
    found = ended(0, json.dumps(body), succeeded=True)
    assert found.error_class is None
    assert found.ended_at == NOW + timedelta(seconds=9)


@given(text=st.text())
def test_without_a_readable_message_no_class_is_believed(text: str) -> None:
    for code in CLASSES:
        try:
            read = isinstance(json.loads(text), dict)
        except ValueError:
            read = False
        if not read:
            found = ended(code, text, succeeded=False)
            assert found.error_class is ErrorClass.TRANSIENT
