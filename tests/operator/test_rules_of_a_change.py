"""Rules behind these tests that would take minutes to see on an API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from spark_operator.decide.decision import DeleteJobs, Wait
from spark_operator.decide.fetch import OVERSTAY_GRACE_SECONDS, decide
from spark_operator.decide.view import View
from spark_operator.model import integration, job
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache
from spark_operator.serve.planner import Planner
from spark_operator.serve.wakes import Wakes
from spark_operator.serve.workqueue import WorkQueue

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
                "ownerReferences": [{"uid": "u", "controller": True}],
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
    assert isinstance(decide(running(spec_timeout=3600, job_deadline=30, age=age), NOW), DeleteJobs)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_object_that_cannot_be_decided_upon_holds_up_no_other(at: int) -> None:
    asked: list[str] = []

    class Evaluator:
        def look(self, uid: str) -> None:
            asked.append(uid)
            if uid == uids[at]:
                raise AttributeError("a defect")

    queue, cache = WorkQueue(), Cache(("n", "s"))
    uids = ["a", "b", "c"]
    evaluator: Any = Evaluator()
    clock: Any = None
    planner = Planner(
        cache=cache,
        clock=clock,
        admission=Admission(cache, queue.add),
        evaluator=evaluator,
        queue=queue,
        wakes=Wakes(lambda _: None),
    )
    planner.plan(uids)
    assert asked == uids
    assert len(queue) == 1, "a worker meets the defect again, and reports it"
