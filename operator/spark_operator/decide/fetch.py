"""The life of a fetch: one pure function from facts and a clock reading to the next step.

    idle ── due, admitted ──▶ Claim ──▶ CreateJob ──▶ running ── Job finished ──▶ Record ──▶ idle

Each call answers with one step. The caller carries it out, gathers again and asks again, until the
answer is Wait. A crash between any two steps is therefore an ordinary beginning.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from spark_operator.decide import conditions, history, outcome, request, reset, schedule, validity
from spark_operator.decide.capacity import Candidate
from spark_operator.decide.decision import (
    Announcement,
    AskCapacity,
    Claim,
    CreateJob,
    Decision,
    DeleteJobs,
    LookAtPod,
    LookUpJob,
    LookUpVolumeClaim,
    ReadAgain,
    Record,
    Wait,
)
from spark_operator.decide.schedule import Start
from spark_operator.decide.view import View
from spark_operator.model import result, timestamps, write_back
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import (
    MAX_RUN_NUMBER,
    EventReason,
    Mode,
    Reason,
    Run,
    Status,
    Trigger,
)

# The pod's grace period is 15 s, and a PID 1 that ignores SIGTERM costs it in full; the rest is for
# the Job controller to notice. A Job older than its deadline plus this will not end by itself.
OVERSTAY_GRACE_SECONDS = 60
# When to ask why a pod is not ready; the last look is this long before the deadline, because at
# the deadline Kubernetes deletes the pod and what it could have told.
_POD_LOOKS_SECONDS = (15, 60)
_LAST_LOOK_BEFORE_DEADLINE_SECONDS = 5
_CAPACITY_PATIENCE = timedelta(seconds=60)
# Nothing tells when a missing PersistentVolumeClaim appears, so it is looked for again.
_VOLUME_CLAIM_RECHECK = timedelta(seconds=15)
_JOB_NAME_LENGTH = 63


def job_name(integration: Integration, number: int) -> str:
    """``<name cut to fit>-<hash of uid>-<number>``: the same name for the same run, for ever.

    63 characters, since the name becomes a label of the pods.
    """
    tail = f"-{hashlib.sha256(integration.uid.encode()).hexdigest()[:8]}-{number}"
    head = integration.name.replace(".", "-")[: _JOB_NAME_LENGTH - len(tail)].rstrip("-")
    return head + tail


def decide(view: View, now: datetime) -> Decision:
    """The next step for one Integration."""
    integration = view.integration
    if integration.deleting:
        # Its Jobs go with it, by their owner reference.
        return Wait(None, integration.status)
    cleared = reset.applied(integration)
    if cleared is not integration:
        view = replace(view, integration=cleared)
    run = integration.status.run
    if stray := _stray(view, run):
        return stray
    if run is not None and run.running:
        return _running(view, run, now)
    return _idle(view, now)


# --- while no run goes on ------------------------------------------------------------------------


def _idle(view: View, now: datetime) -> Decision:
    integration, scheduler, plugin = view.integration, view.scheduler, view.plugin
    if scheduler is not None and (
        excess := history.prunable(view.jobs, integration.status.run, scheduler)
    ):
        return DeleteJobs(excess)
    if plugin is None:
        message = validity.unknown_service(integration.spec.service)
        return _refuse(integration, Reason.UNKNOWN_SERVICE, message, now)
    if view.config_problem:
        return _refuse(integration, Reason.INVALID_CONFIG, view.config_problem, now)
    if integration.spec.suspend or (scheduler is not None and scheduler.suspend):
        return _suspended(integration, now)
    start = schedule.next_start(integration, plugin, now)
    if scheduler is None:
        return _without_scheduler(integration, start, now)
    target = validity.effective_destination(integration, scheduler)
    if problem := validity.destination_problem(target):
        return _refuse(integration, Reason.INVALID_CONFIG, problem, now)
    if start.at > now:
        return _resting(integration, plugin, start, now)
    if any(not job.finished for job in view.jobs):
        return _behind(view, now)
    if not view.admitted:
        return _ask_capacity(view, plugin, start, now)
    if target.volume_claim is not None:
        if view.volume_claim_exists is None:
            return LookUpVolumeClaim(target.volume_claim)
        if not view.volume_claim_exists:
            message = (
                f'There is no PersistentVolumeClaim "{target.volume_claim}" in namespace '
                f'"{integration.namespace}": create it, or name another destination.'
            )
            refusal = _refuse(integration, Reason.INVALID_CONFIG, message, now)
            return replace(refusal, until=now + _VOLUME_CLAIM_RECHECK)
    return _claim(view, start, now)


def _refuse(integration: Integration, reason: Reason, message: str, now: datetime) -> Wait:
    """Not to be fetched until somebody acts; a change of any object concerned asks again."""
    status = conditions.compose(
        integration,
        integration.status,
        reason=reason,
        message=message + request.problem(integration),
        next_at=None,
        now=now,
    )
    return Wait(None, status, conditions.announce(integration, status))


def _back_off_cleared(status: Status) -> Status:
    fetch = status.fetch
    if fetch is None or not fetch.failed or fetch.generation is None:
        return status
    return status.with_fetch(replace(fetch, generation=None))


def _suspended(integration: Integration, now: datetime) -> Wait:
    """Suspending clears the back-off: ``generation`` None says that the old failure counts no more."""
    base = _back_off_cleared(integration.status)
    what = "spec.suspend is true" if integration.spec.suspend else "The Scheduler is suspended"
    status = conditions.compose(
        integration,
        base,
        reason=Reason.SUSPENDED,
        message=f"{what}: nothing is fetched until it is resumed.{request.problem(integration)}",
        next_at=None,
        now=now,
    )
    return Wait(None, status, conditions.announce_request(integration))


def _resting_message(integration: Integration, start: Start, notes: str, now: datetime) -> str:
    at = timestamps.dump(start.at)
    run = integration.status.fetch
    if start.reason is Reason.FETCHED and run is not None and not run.failed:
        loaded = "Loaded" if run.rows is None else f"Loaded {run.rows} row{'s' * (run.rows != 1)}"
        warning = f" {run.message}" if run.message else ""
        return f"{loaded}.{warning} Next fetch at {at}.{notes}"
    if start.reason is Reason.FETCHED:
        return f"Next fetch at {at}.{notes}"
    if start.at <= now:
        return start.message + notes
    following = f"The next attempt is at {at}."
    if result.ends_with_command(start.message):
        # What the user is to type stays at the end, where it is found and copied.
        return f"{following}{notes} {start.message}"
    return f"{start.message} {following}{notes}"


def _resting_reason(integration: Integration, start: Start) -> Reason:
    run = integration.status.fetch
    cleared = run is not None and run.failure_cleared
    if start.reason is Reason.PENDING and run is not None and run.failed and not cleared:
        # A failed run whose back-off was cleared is neither pending nor fetched: it failed.
        return Reason.BACKING_OFF
    return start.reason


def _check_note(run: Run | None) -> str:
    """How a check ended, until the next fetch: the schedule that stands beside it is not its doing."""
    if run is None or run.mode is not Mode.CHECK or run.running:
        return ""
    end = "failed" if run.failed else "passed"
    said = f": {run.message}" if run.message else "."
    return f" The check at {timestamps.dump(run.finished_at)} {end}{said}"


def _resting(integration: Integration, plugin: Plugin, start: Start, now: datetime) -> Wait:
    """What stands in the status while nothing is due."""
    notes = (
        schedule.frequency_note(integration.spec, plugin)
        + write_back.note(integration, plugin)
        + request.problem(integration)
        + _check_note(integration.status.run)
    )
    message = _resting_message(integration, start, notes, now)
    status = conditions.compose(
        integration,
        integration.status,
        reason=_resting_reason(integration, start),
        message=message,
        next_at=start.at,
        now=now,
    )
    return Wait(start.at, status, conditions.announce_request(integration))


def _without_scheduler(integration: Integration, start: Start, now: datetime) -> Wait:
    """Nothing is dispatched; the creation of a Scheduler is an event that asks again.

    No time is told: it would be another one at each look at what is due, and each would be written.
    """
    message = "There is no Scheduler, so nothing is fetched until it is made again."
    status = conditions.compose(
        integration,
        integration.status,
        reason=_resting_reason(integration, start),
        message=f"{message}{request.problem(integration)} {start.message}".rstrip(),
        next_at=None,
        now=now,
    )
    return Wait(None, status, conditions.announce_request(integration))


def _behind(view: View, now: datetime) -> Wait:
    """Due, but a Job that is no more wanted is still being deleted: its pods must not meet the next
    one's. That it is gone is an event."""
    integration = view.integration
    names = ", ".join(job.name for job in view.jobs if not job.finished)
    status = conditions.compose(
        integration,
        integration.status,
        reason=Reason.PENDING,
        message=f"Due, and waiting until {names} is deleted.{request.problem(integration)}",
        next_at=None,
        now=now,
    )
    return Wait(None, status, conditions.announce_request(integration))


def _ask_capacity(view: View, plugin: Plugin, start: Start, now: datetime) -> AskCapacity:
    integration = view.integration
    # A wall clock that was set back must not make the wait begin in the future.
    since = min(view.waiting_since or now, now)
    overdue = (now - start.due_at) / schedule.frequency(integration.spec, plugin)
    if now - since < _CAPACITY_PATIENCE:
        # Nothing is written for a short wait: most end within the minute.
        # But an object that was never looked at is told that it is pending.
        looked_at = integration.status.conditions
        told = integration.status if looked_at else _resting(integration, plugin, start, now).status
        otherwise = Wait(since + _CAPACITY_PATIENCE, told)
    else:
        status = conditions.compose(
            integration,
            integration.status,
            reason=Reason.AT_CAPACITY,
            message=(
                "Due, and waiting for a free place: maxConcurrentFetches of the Plugin or of the "
                "Scheduler is reached."
            ),
            next_at=None,
            now=now,
        )
        otherwise = Wait(None, status)
    return AskCapacity(
        Candidate(
            uid=integration.uid,
            namespace=integration.namespace,
            name=integration.name,
            service=integration.spec.service,
            requested=start.trigger is Trigger.REQUESTED,
            first=integration.status.last_successful_update_at is None,
            overdue=overdue,
        ),
        otherwise,
    )


def _next_number(view: View) -> int:
    """One more than the recorded run's, unless a Job bears that name already.

    Such a Job is there where somebody wiped the record or set it back: it would be taken for the new
    run's, and its old outcome recorded for a fetch that never was.
    """
    integration = view.integration
    run = integration.status.run
    number = (run.number if run is not None else 0) % MAX_RUN_NUMBER + 1
    while view.job(job_name(integration, number)) is not None:
        number = number % MAX_RUN_NUMBER + 1
    return number


def _claim(view: View, start: Start, now: datetime) -> Claim:
    integration = view.integration
    now = timestamps.whole_seconds(now)
    number = _next_number(view)
    run = Run(
        number=number,
        attempt=start.attempt,
        trigger=start.trigger,
        generation=integration.generation,
        job_name=job_name(integration, number),
        started_at=now,
        mode=start.mode,
        since=start.since,
        request=start.request,
    )
    status = integration.status
    check = run.mode is Mode.CHECK
    base = replace(
        status,
        run=run,
        last_fetch=status.fetch if check else None,
        last_triggered_at=status.last_triggered_at if check else now,
        last_handled_request=request.taken(integration),
    )
    return Claim(_fetching(integration, base, run, now))


# --- while a run goes on -------------------------------------------------------------------------


def _fetching(integration: Integration, base: Status, run: Run, now: datetime) -> Status:
    attempts = len(integration.spec.retry_delays_seconds) + 1
    message = f"Run {run.number}"
    if run.mode is Mode.CHECK:
        message += ", a check,"
    else:
        if run.mode is not Mode.FETCH:
            since = f" since {timestamps.dump(run.since)}" if run.since else ""
            message += f", a {run.mode}{since}"
        message += f", attempt {run.attempt} of {attempts},"
    message += f" started at {timestamps.dump(run.started_at)}."
    if run.message:
        message += f" {run.message}"
    return conditions.compose(
        integration,
        base,
        reason=Reason.FETCHING,
        message=message + request.problem(integration),
        next_at=None,
        now=now,
    )


def _running(view: View, run: Run, now: datetime) -> Decision:
    integration = view.integration
    job = view.job(run.job_name)
    if view.rejection is not None:
        return _record(view, run, outcome.rejected(view.rejection), now)
    if job is None:
        return _without_job(view, run, now)
    if job.finished:
        if view.pod is None:
            return LookAtPod(job)
        end = outcome.ending(run, job, view.pod, was_ready=view.job_was_ready)
        return _record(view, run, end, now)
    if job.deleting:
        # Its end is an event; what follows is decided when it is gone.
        return Wait(None, _fetching(integration, integration.status, run, now))
    if view.job_age_seconds > _deadline_seconds(integration, job) + OVERSTAY_GRACE_SECONDS:
        # The Job controller or the node is not doing its part. Or the watch is not: a Job that ended
        # unnoticed must not be deleted with its outcome, so it is read before.
        if not view.job_is_live:
            return LookUpJob(job.name)
        # In the foreground, so that the Job disappears only after its pods: the next claim must not
        # meet them.
        return DeleteJobs((job,), foreground=True)
    return _not_finished(view, run, job, now)


def _without_job(view: View, run: Run, now: datetime) -> Decision:
    if not view.job_absent:
        return LookUpJob(run.job_name)
    if view.job_seen:
        return _record(view, run, outcome.lost("The Job was deleted while it ran."), now)
    started_at = schedule.sane(run.started_at, now)
    timeout = timedelta(seconds=view.integration.spec.timeout_seconds)
    if started_at is not None and now - started_at < timeout:
        # We died between claim and create, or the answer to the create was lost. Or the cache is behind
        # and the outcome is recorded: nothing would stop the create of a run that is over.
        return CreateJob(run) if view.status_is_live else ReadAgain()
    return _record(
        view, run, outcome.lost("The Job is gone, and nobody recorded how it ended."), now
    )


def _deadline_seconds(integration: Integration, job: Job) -> int:
    """The Job's own deadline: a timeout that was changed since counts from the next run."""
    return job.deadline_seconds or integration.spec.timeout_seconds


def _not_finished(view: View, run: Run, job: Job, now: datetime) -> Decision:
    integration = view.integration
    timeout = _deadline_seconds(integration, job)
    looks = [s for s in _POD_LOOKS_SECONDS if s < timeout - _LAST_LOOK_BEFORE_DEADLINE_SECONDS]
    looks.append(timeout - _LAST_LOOK_BEFORE_DEADLINE_SECONDS)
    if job.ready or view.job_was_ready:
        cleared = run.error_class is None and run.message is None
        seen = run if cleared else replace(run, error_class=None, message=None)
        waiting = False
    elif view.pod is not None and not view.pod.found and run.error_class is not None:
        # It is gone, as at the deadline: what was seen of it while it was there says more.
        seen, waiting = run, True
    elif view.pod is not None:
        problem = outcome.pod_problem(view.pod)
        error_class, message = problem or (None, None)
        account = view.plugin and write_back.account(integration, view.plugin)
        if message and account and not view.pod.found:
            # Without it the Job controller makes none, and says so in an Event alone.
            message += f' It runs as ServiceAccount "{account}", which must exist.'
        seen, waiting = replace(run, error_class=error_class, message=message), True
    else:
        seen, waiting = run, True
        if view.pod_looks < len(looks) and view.job_age_seconds >= looks[view.pod_looks]:
            return LookAtPod(job)
    marks: list[float] = [timeout + OVERSTAY_GRACE_SECONDS + 1]
    if waiting and view.pod_looks < len(looks):
        marks.append(looks[view.pod_looks])
    # Not at once: a clock that is a hair short of the mark would be asked again and again.
    until = now + timedelta(seconds=max(0.1, min(marks) - view.job_age_seconds))
    suspended = view.scheduler is not None and view.scheduler.suspend
    if suspended and seen.generation is not None:
        # Should this run fail, no back-off may be left once the Scheduler is resumed. A suspended
        # Integration needs no such mark: its generation changes.
        seen = replace(seen, generation=None)
    base = integration.status if seen is run else replace(integration.status, run=seen)
    if suspended:
        # The same for the fetch before a check, which is what the schedule goes by.
        base = _back_off_cleared(base)
    return Wait(until, _fetching(integration, base, seen, now))


def _record(view: View, run: Run, end: outcome.Ending, now: datetime) -> Record:
    """The end of the run with the conditions that follow from it, in one write."""
    now = timestamps.whole_seconds(now)
    integration = view.integration
    ended = integration.with_status(outcome.finish(integration, run, end, now))
    after = _after(view, ended, now)
    ran = after.status.run
    refused = view.plugin is None or view.config_problem
    if ran is not None and ran.mode is Mode.CHECK and not refused:
        return Record(after.status, conditions.announce_check(ran))
    # Transition times and announcements compare with what is recorded now.
    return Record(after.status, conditions.announce(integration, after.status))


def _after(view: View, ended: Integration, now: datetime) -> Wait:
    """What will stand in the status once the run is over; starting anything is for the next look."""
    if view.plugin is None:
        return _refuse(
            ended, Reason.UNKNOWN_SERVICE, validity.unknown_service(ended.spec.service), now
        )
    if view.config_problem:
        return _refuse(ended, Reason.INVALID_CONFIG, view.config_problem, now)
    if ended.spec.suspend or (view.scheduler is not None and view.scheduler.suspend):
        return _suspended(ended, now)
    start = schedule.next_start(ended, view.plugin, now)
    if view.scheduler is None:
        return _without_scheduler(ended, start, now)
    return _resting(ended, view.plugin, start, now)


# --- strays --------------------------------------------------------------------------------------


def _stray(view: View, run: Run | None) -> Decision | None:
    """An unfinished Job of ours that is not the running claim's: left by a frozen leader.

    A cached Integration may be older than the Job of another leader's claim, which must not be taken
    for a stray: a Job with a higher run number than the cached one asks for a live read first.
    """
    current = run.job_name if run is not None and run.running else None
    number = run.number if run is not None else 0
    strays = [j for j in view.jobs if j.name != current and not j.finished and not j.deleting]
    if not strays:
        return None
    if any(j.run_number > number for j in strays) and not view.status_is_live:
        return ReadAgain()
    names = ", ".join(j.name for j in strays)
    return DeleteJobs(
        tuple(strays),
        announcement=Announcement(
            warning=True,
            reason=EventReason.SUPERSEDED,
            message=f"Deleted {names}: not the Job of the current run.",
        ),
    )
