"""While no run goes on: whether one begins, and if not, why."""

from dataclasses import replace
from datetime import datetime, timedelta

from spark_operator.decide import claim, history, schedule, standing, validity
from spark_operator.decide.capacity import Candidate
from spark_operator.decide.decision import (
    AskCapacity,
    Decision,
    DeleteJobs,
    LookUpVolumeClaim,
    Wait,
)
from spark_operator.decide.schedule import Start
from spark_operator.decide.view import View
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import Reason, Trigger

_CAPACITY_PATIENCE = timedelta(seconds=60)
# Nothing tells when a missing PersistentVolumeClaim appears, so it is looked for again.
_VOLUME_CLAIM_RECHECK = timedelta(seconds=15)


def idle(view: View, now: datetime) -> Decision:
    integration, scheduler, plugin = view.integration, view.scheduler, view.plugin
    if scheduler is not None and (
        excess := history.prunable(view.jobs, integration.status.run, scheduler)
    ):
        return DeleteJobs(excess)
    if plugin is None:
        message = validity.unknown_service(integration.spec.service)
        return standing.refused(integration, Reason.UNKNOWN_SERVICE, message, now)
    if view.config_problem:
        return standing.refused(integration, Reason.INVALID_CONFIG, view.config_problem, now)
    if integration.spec.suspend or (scheduler is not None and scheduler.suspend):
        return standing.suspended(integration, now)
    start = schedule.next_start(integration, plugin, now)
    if scheduler is None:
        return standing.without_scheduler(integration, start, now)
    target = validity.effective_destination(integration, scheduler)
    if problem := validity.destination_problem(target):
        return standing.refused(integration, Reason.INVALID_CONFIG, problem, now)
    if start.at > now:
        return standing.resting(integration, plugin, start, now)
    if any(not job.finished for job in view.jobs):
        return standing.behind(view, now)
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
            refusal = standing.refused(integration, Reason.INVALID_CONFIG, message, now)
            return replace(refusal, until=now + _VOLUME_CLAIM_RECHECK)
    return claim.claim(view, start, now)


def _ask_capacity(view: View, plugin: Plugin, start: Start, now: datetime) -> AskCapacity:
    integration = view.integration
    # A wall clock that was set back must not make the wait begin in the future.
    since = min(view.waiting_since or now, now)
    overdue = (now - start.due_at) / schedule.frequency(integration.spec, plugin)
    if now - since < _CAPACITY_PATIENCE:
        # Nothing is written for a short wait: most end within the minute.
        # But an object that was never looked at is told that it is pending.
        looked_at = integration.status.conditions
        told = (
            integration.status
            if looked_at
            else standing.resting(integration, plugin, start, now).status
        )
        otherwise = Wait(since + _CAPACITY_PATIENCE, told)
    else:
        otherwise = standing.at_capacity(integration, now)
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
