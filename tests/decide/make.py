"""Builders: a whole object with one thing changed, so that a test says only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from spark_operator.decide.view import View
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration, Spec
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import ErrorClass, Outcome, Run, Status, Trigger

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
UID = "0b1f5c1e-0000-4000-8000-000000000001"
POSTGRES = Destination("postgres", secret_name="warehouse")
# As the owner reference of a Job, in a body of the API server.
OWNER = {
    "apiVersion": "spark-integrations.dev/v1",
    "kind": "Integration",
    "name": "x",
    "uid": "u",
    "controller": True,
}


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def spec(**changes: Any) -> Spec:
    return replace(Spec("demo", update_frequency_minutes=15, destination=POSTGRES), **changes)


def run(**changes: Any) -> Run:
    base = Run(
        number=7,
        attempt=1,
        trigger=Trigger.SCHEDULED,
        generation=1,
        job_name="alice-7",
        started_at=ago(minutes=1),
    )
    return replace(base, **changes)


def failed(**changes: Any) -> Run:
    """Failed just now, transiently, in its first attempt."""
    base: dict[str, Any] = {
        "outcome": Outcome.FAILED,
        "finished_at": NOW,
        "error_class": ErrorClass.TRANSIENT,
        "message": "The host is down.",
    }
    return run(**{**base, **changes})


def succeeded(**changes: Any) -> Run:
    return run(**{"outcome": Outcome.SUCCEEDED, "finished_at": NOW, "rows": 3, **changes})


def integration(**changes: Any) -> Integration:
    """Of generation 1, never fetched, created a minute ago."""
    base = Integration(
        uid=UID,
        namespace="team-a",
        name="alice",
        generation=1,
        resource_version=10,
        created_at=ago(minutes=1),
        deleting=False,
        requested_at=None,
        spec=spec(),
        status=Status(),
    )
    return replace(base, **changes)


def fetched(at: datetime, **changes: Any) -> Integration:
    """Last fetched at that time."""
    status = Status(
        last_triggered_at=at - timedelta(seconds=5),
        last_successful_update_at=at,
        run=succeeded(finished_at=at, started_at=at - timedelta(seconds=5)),
    )
    return integration(**{"created_at": at - timedelta(days=1), "status": status, **changes})


def broken(last: Run, *, failures: int = 0, **changes: Any) -> Integration:
    """Whose last run is the given failed one."""
    status = Status(last_failed_at=last.finished_at, run=last, consecutive_failures=failures)
    return integration(**{"status": status, **changes})


def fetching(current: Run | None = None, **changes: Any) -> Integration:
    current = current or run()
    status = Status(last_triggered_at=current.started_at, run=current)
    return integration(**{"status": status, **changes})


def plugin(**changes: Any) -> Plugin:
    return replace(Plugin(uid="p", name="demo", resource_version=1), **changes)


def scheduler(**changes: Any) -> Scheduler:
    base = Scheduler(uid="s", namespace="spark", name="spark", resource_version=1)
    return replace(base, **changes)


def job(**changes: Any) -> Job:
    base = Job(
        uid="j7",
        namespace="team-a",
        name="alice-7",
        resource_version=5,
        owner_uid=UID,
        run_number=7,
        created_at=ago(minutes=1),
    )
    return replace(base, **changes)


def view(subject: Integration, **changes: Any) -> View:
    base = View(subject, plugin=plugin(), scheduler=scheduler(), admitted=True)
    return replace(base, **changes)
