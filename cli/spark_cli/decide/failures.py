"""Which Jobs a flush deletes."""

from collections.abc import Iterable

from spark_operator.model.integration import Integration
from spark_operator.model.job import Job


def flushable(integration: Integration, jobs: Iterable[Job]) -> tuple[Job, ...]:
    """The failed Jobs whose outcome is recorded, oldest first.

    One that ended a moment ago may be read by the operator still: deleted before its outcome is
    recorded, its run would count as lost.
    """
    run = integration.status.run
    if run is None:
        return ()
    newest = run.number - 1 if run.running else run.number
    found = [
        job
        for job in jobs
        if job.owner_uid == integration.uid
        and job.failed
        and not job.deleting
        and job.run_number <= newest
        and not (run.running and job.name == run.job_name)
    ]
    return tuple(sorted(found, key=lambda job: job.run_number))
