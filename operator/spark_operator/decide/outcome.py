"""How a run ended, from its Job and its pod; and what that makes of the status."""

from dataclasses import replace
from datetime import datetime

from spark_operator.decide import schedule
from spark_operator.model import result
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport
from spark_operator.model.record import record
from spark_operator.model.result import clean
from spark_operator.model.status import ErrorClass, Mode, Outcome, Reason, Run, Status

# Exit codes of the runner (docs/contract.md).
_CLASS_BY_EXIT_CODE = {
    10: ErrorClass.PERMANENT,
    11: ErrorClass.RATE_LIMITED,
    12: ErrorClass.TIMEOUT,
}


@record(frozen=True, slots=True)
class Ending:
    """``error_class`` None means success; ``ended_at`` is the API server's clock, not ours."""

    message: str
    error_class: ErrorClass | None = None
    reason: Reason | None = None
    rows: int | None = None
    retry_after_seconds: int | None = None
    ended_at: datetime | None = None


def pod_problem(pod: PodReport) -> tuple[ErrorClass, str] | None:
    """Why the pod of an unfinished Job does not start, or None where nothing is wrong with it."""
    if pod.image_problem:
        return ErrorClass.IMAGE_PULL_FAILED, (
            f"The image cannot be pulled ({clean(pod.image_problem, 300)})."
        )
    if pod.start_problem:
        return ErrorClass.UNSCHEDULABLE, (
            f"The container cannot be started ({clean(pod.start_problem, 300)})."
        )
    if pod.unschedulable:
        return ErrorClass.UNSCHEDULABLE, (
            f"No node takes the pod ({clean(pod.unschedulable, 300)})."
        )
    if not pod.found:
        return ErrorClass.UNSCHEDULABLE, "There is no pod (kubectl describe job tells why)."
    if pod.waiting:
        return ErrorClass.UNSCHEDULABLE, f"The pod has not started ({clean(pod.waiting, 60)})."
    return None


def _deadline_exceeded(run: Run, job: Job, *, was_ready: bool) -> Ending:
    # Kubernetes deletes the pod with its message and logs at the deadline; what was seen of a pod
    # that never started is in the run, written while it went on.
    if run.error_class is not None and not was_ready:
        return Ending(
            f"{run.message or 'The pod did not start.'} It did not start before the deadline.",
            error_class=run.error_class,
            ended_at=job.completed_at,
        )
    return Ending(
        "The fetch was stopped at its deadline (spec.timeoutSeconds).",
        error_class=ErrorClass.TIMEOUT,
        ended_at=job.completed_at,
    )


def _failed_pod(job: Job, pod: PodReport) -> Ending:
    if not pod.found:
        return Ending(
            "The pod failed and is gone, so its message cannot be read.",
            error_class=ErrorClass.TRANSIENT,
            ended_at=job.completed_at,
        )
    if pod.terminated_reason == "OOMKilled":
        return Ending(
            "The fetch needed more memory than its limit (OOMKilled): see podTemplate.resources "
            "of the Scheduler.",
            error_class=ErrorClass.OOM_KILLED,
            ended_at=job.completed_at,
        )
    if pod.pod_reason == "Evicted":
        return Ending(
            f"The node evicted the pod ({clean(pod.pod_message, 200) or 'no reason given'}).",
            error_class=ErrorClass.EVICTED,
            ended_at=job.completed_at,
        )
    if pod.exit_code is None:
        problem = pod_problem(pod)
        return Ending(
            problem[1] if problem else f"The Job failed ({clean(job.failure_reason, 60)}).",
            error_class=problem[0] if problem else ErrorClass.TRANSIENT,
            ended_at=job.completed_at,
        )
    told = result.parse(pod.termination_message)
    error_class = _CLASS_BY_EXIT_CODE.get(pod.exit_code, ErrorClass.TRANSIENT)
    if not told.readable:
        # Exit codes above 128 say which signal ended the process; anybody's crash may give the
        # others, so without a message of the runner no class of it is believed.
        return Ending(
            f"The fetch ended with exit code {pod.exit_code} and left no readable message.",
            error_class=ErrorClass.TRANSIENT,
            ended_at=job.completed_at,
        )
    return Ending(
        told.message or f"The fetch failed with exit code {pod.exit_code}.",
        error_class=error_class,
        reason=(told.reason or Reason.FAILED) if error_class is ErrorClass.PERMANENT else None,
        rows=told.rows,
        retry_after_seconds=(
            told.retry_after_seconds if error_class is ErrorClass.RATE_LIMITED else None
        ),
        ended_at=job.completed_at,
    )


def ending(run: Run, job: Job, pod: PodReport, *, was_ready: bool) -> Ending:
    """The ending of a finished Job. ``pod`` is what one look at its pods told."""
    if job.succeeded:
        told = result.parse(pod.termination_message)
        return Ending(told.message, rows=told.rows, ended_at=job.completed_at)
    if job.failure_reason == "DeadlineExceeded":
        return _deadline_exceeded(run, job, was_ready=was_ready)
    return _failed_pod(job, pod)


def lost(why: str) -> Ending:
    return Ending(why, error_class=ErrorClass.LOST)


def rejected(message: str) -> Ending:
    return Ending(
        f"The Job could not be made: {clean(message, 400)}", error_class=ErrorClass.REJECTED
    )


def _clamp(moment: datetime | None, run: Run, now: datetime) -> datetime:
    """The end of the run on two clocks: never before its start, never in the future."""
    start = run.started_at if run.started_at is not None and run.started_at <= now else now
    return start if moment is None and start == now else max(start, min(moment or now, now))


def finish(integration: Integration, run: Run, end: Ending, now: datetime) -> Status:
    """The status with the run ended: timestamps, counters and the record, but no conditions yet."""
    failed = end.error_class is not None
    record = Run(
        number=run.number,
        attempt=run.attempt,
        trigger=run.trigger,
        mode=run.mode,
        since=run.since,
        request=run.request,
        generation=run.generation,
        job_name=run.job_name,
        started_at=run.started_at,
        outcome=Outcome.FAILED if failed else Outcome.SUCCEEDED,
        finished_at=_clamp(end.ended_at, run, now) if not failed else now,
        error_class=end.error_class,
        reason=end.reason,
        message=end.message or None,
        rows=end.rows,
        retry_after_seconds=end.retry_after_seconds,
    )
    status = integration.status
    if run.mode is Mode.CHECK:
        # Neither a success, as it has loaded nothing, nor a failed cycle, as nobody waits for its data.
        return replace(status, run=record)
    if not failed:
        return replace(
            status,
            run=record,
            last_successful_update_at=record.finished_at,
            consecutive_failures=0,
        )
    counts = schedule.cycle_ended(record, integration.spec)
    return replace(
        status,
        run=record,
        last_triggered_at=None,
        last_failed_at=now,
        consecutive_failures=min(status.consecutive_failures + counts, 1_000_000),
    )
