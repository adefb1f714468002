"""What the kept Jobs of an Integration tell of its past runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from spark_operator.decide import outcome, request
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport
from spark_operator.model.record import record
from spark_operator.model.status import Outcome, Run, Trigger


@record(frozen=True, slots=True)
class Past:
    """One kept Job and how its run ended; ``rows`` counts records, where the pod is there to tell."""

    run: int
    job: Job
    outcome: str
    started_at: datetime | None
    finished_at: datetime | None
    rows: int | None
    error_class: str | None
    message: str


def past(integration: Integration, job: Job, pod: PodReport) -> Past:
    """By the operator's own reading of Job and pod; the recorded run as it is recorded."""
    for run in (integration.status.run, integration.status.last_fetch):
        if run is not None and run.job_name == job.name and not run.running:
            return Past(
                run=run.number,
                job=job,
                outcome=run.outcome.value,
                started_at=run.started_at,
                finished_at=run.finished_at,
                rows=run.rows,
                error_class=run.error_class.value if run.error_class else None,
                message=run.message or "",
            )
    if not job.finished:
        return Past(job.run_number, job, Outcome.RUNNING, job.created_at, None, None, None, "")
    # What it was started for is not in the Job; the reading of its end needs nothing of that.
    run = Run(job.run_number, 1, Trigger.SCHEDULED, None, job.name, job.created_at)
    end = outcome.ending(run, job, pod, was_ready=True)
    failed = end.error_class is not None
    return Past(
        run=job.run_number,
        job=job,
        outcome=(Outcome.FAILED if failed else Outcome.SUCCEEDED).value,
        started_at=job.created_at,
        finished_at=job.completed_at,
        rows=end.rows,
        error_class=end.error_class.value if end.error_class else None,
        message=end.message,
    )


def of_owner(integration: Integration, jobs: list[Job]) -> list[Job]:
    """Its Jobs, the oldest run first."""
    return sorted((j for j in jobs if j.owner_uid == integration.uid), key=lambda j: j.run_number)


def described(found: Past) -> dict[str, Any]:
    """For a document, in the words of the API."""
    return {
        "number": found.run,
        "outcome": found.outcome,
        "errorClass": found.error_class,
        "startedAt": found.started_at,
        "finishedAt": found.finished_at,
        "rows": found.rows,
        "message": found.message,
        "jobName": found.job.name,
    }


def awaited(integration: Integration) -> bool:
    """Whether a run goes on, or is asked for: whoever follows means its Job, and none before it."""
    run = integration.status.run
    return (run is not None and run.running) or request.asked(integration) is not None


def followed(integration: Integration, jobs: Sequence[Job]) -> Job | None:
    """The Job that whoever follows means; ``jobs`` are its own, the oldest first. None: not there (yet)."""
    run = integration.status.run
    if run is not None and run.running:
        return next((job for job in jobs if job.name == run.job_name), None)
    if awaited(integration):
        return None
    return jobs[-1] if jobs else None
