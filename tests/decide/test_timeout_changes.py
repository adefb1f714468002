"""A timeout that is changed while a run goes on: it counts from the next run."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.decide.make import OWNER

from spark_operator.decide.decision import Wait
from spark_operator.decide.fetch import decide
from spark_operator.decide.running import OVERSTAY_GRACE_SECONDS
from spark_operator.decide.view import View
from spark_operator.model import integration, job

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def running(*, spec_timeout: int, job_deadline: int, age: float) -> View:
    """A run whose Job is that old, was made with that deadline, and whose spec was changed since."""
    started = "2026-03-01T11:00:00Z"
    subject = integration.parse(
        {
            "metadata": {"uid": "u", "namespace": "n", "name": "a", "generation": 2},
            "spec": {"service": "demo", "timeoutSeconds": spec_timeout},
            "status": {
                "run": {
                    "number": 1,
                    "generation": 1,
                    "jobName": "a-1",
                    "startedAt": started,
                    "outcome": "Running",
                }
            },
        }
    )
    made = job.parse(
        {
            "metadata": {
                "uid": "j",
                "namespace": "n",
                "name": "a-1",
                "creationTimestamp": started,
                "ownerReferences": [OWNER],
            },
            "spec": {"activeDeadlineSeconds": job_deadline},
            "status": {"ready": 1},
        }
    )
    return View(subject, jobs=(made,), job_age_seconds=age, job_was_ready=True)


def test_a_timeout_shortened_during_a_run_does_not_end_that_run() -> None:
    assert isinstance(decide(running(spec_timeout=30, job_deadline=3600, age=600), NOW), Wait)


def test_a_timeout_lengthened_during_a_run_does_not_let_it_overstay() -> None:
    age = 30 + OVERSTAY_GRACE_SECONDS + 1
    assert not isinstance(decide(running(spec_timeout=3600, job_deadline=30, age=age), NOW), Wait)
