"""Which finished Jobs are kept for their logs, and which may go."""

from collections.abc import Iterable

from spark_operator.model.job import Job
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Run


def prunable(jobs: Iterable[Job], run: Run | None, scheduler: Scheduler) -> tuple[Job, ...]:
    """Finished Jobs beyond the history, oldest first; never the Job of the last recorded run.

    If a Job went before its outcome is recorded, the run would count as lost; so only Jobs of runs
    before the recorded one are candidates.
    """
    if run is None or run.running:
        return ()
    number = run.number
    finished = [
        j for j in jobs if j.run_number < number and (j.succeeded or j.failed) and not j.deleting
    ]
    if not finished:
        return ()
    finished.sort(key=lambda j: j.run_number, reverse=True)
    last_succeeded = not run.failed
    succeeded = [j for j in finished if j.succeeded]
    failed = [j for j in finished if j.failed]
    keep_succeeded = scheduler.history_succeeded - (1 if last_succeeded else 0)
    keep_failed = scheduler.history_failed - (0 if last_succeeded else 1)
    excess = succeeded[max(0, keep_succeeded) :] + failed[max(0, keep_failed) :]
    return tuple(sorted(excess, key=lambda j: j.run_number))
