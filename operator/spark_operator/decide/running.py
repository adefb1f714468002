"""While a run goes on: whether its Job is made, looked at, ended or recorded."""

from dataclasses import replace
from datetime import datetime, timedelta

from spark_operator.decide import conditions, outcome, schedule, standing, validity
from spark_operator.decide.decision import (
    CreateJob,
    Decision,
    DeleteJobs,
    LookAtPod,
    LookUpJob,
    ReadAgain,
    Record,
    Wait,
)
from spark_operator.decide.view import View
from spark_operator.model import timestamps, write_back
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.status import Mode, Reason, Run

# The pod's grace period is 15 s, and a PID 1 that ignores SIGTERM costs it in full; the rest is for
# the Job controller to notice. A Job older than its deadline plus this will not end by itself.
OVERSTAY_GRACE_SECONDS = 60
# When to ask why a pod is not ready; the last look is this long before the deadline, because at
# the deadline Kubernetes deletes the pod and what it could have told.
_POD_LOOKS_SECONDS = (15, 60)
_LAST_LOOK_BEFORE_DEADLINE_SECONDS = 5
# A pod is gone within its grace period, where there is somebody to end it.
_DELETION_PATIENCE_SECONDS = 30
# The pod of a node that does not answer may be alive: until Kubernetes knows better, no other is started.
_POD_NOT_GONE = (
    "Its time is over and its Job is being deleted, but Kubernetes does not know that the pod has "
    "ended: if its node is dead, delete the Node."
)


def running(view: View, run: Run, now: datetime) -> Decision:
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
        dragging = _overstays(view, job, _DELETION_PATIENCE_SECONDS)
        told = replace(run, message=_POD_NOT_GONE) if dragging else run
        return Wait(None, standing.fetching(integration, integration.status, told, now))
    if _overstays(view, job):
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


def _overstays(view: View, job: Job, patience_seconds: float = 0) -> bool:
    deadline = _deadline_seconds(view.integration, job)
    return view.job_age_seconds > deadline + OVERSTAY_GRACE_SECONDS + patience_seconds


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
        base = standing.back_off_cleared(base)
    return Wait(until, standing.fetching(integration, base, seen, now))


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
        return standing.refused(
            ended, Reason.UNKNOWN_SERVICE, validity.unknown_service(ended.spec.service), now
        )
    if view.config_problem:
        return standing.refused(ended, Reason.INVALID_CONFIG, view.config_problem, now)
    if ended.spec.suspend or (view.scheduler is not None and view.scheduler.suspend):
        return standing.suspended(ended, now)
    start = schedule.next_start(ended, view.plugin, now)
    if view.scheduler is None:
        return standing.without_scheduler(ended, start, now)
    return standing.resting(ended, view.plugin, start, now)
