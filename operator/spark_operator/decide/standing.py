"""What stands in the status of an Integration: why it rests or is held, or that it is fetched."""

from dataclasses import replace
from datetime import datetime

from spark_operator.decide import conditions, request, schedule
from spark_operator.decide.decision import Wait
from spark_operator.decide.schedule import Start
from spark_operator.decide.view import View
from spark_operator.model import result, timestamps, write_back
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import Mode, Reason, Run, Status


def refused(integration: Integration, reason: Reason, message: str, now: datetime) -> Wait:
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


def back_off_cleared(status: Status) -> Status:
    fetch = status.fetch
    if fetch is None or not fetch.failed or fetch.generation is None:
        return status
    return status.with_fetch(replace(fetch, generation=None))


def suspended(integration: Integration, now: datetime) -> Wait:
    """Suspending clears the back-off: ``generation`` None says that the old failure counts no more."""
    base = back_off_cleared(integration.status)
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


def without_scheduler(integration: Integration, start: Start, now: datetime) -> Wait:
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


def behind(view: View, now: datetime) -> Wait:
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


def at_capacity(integration: Integration, now: datetime) -> Wait:
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
    return Wait(None, status)


def resting(integration: Integration, plugin: Plugin, start: Start, now: datetime) -> Wait:
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


def fetching(integration: Integration, base: Status, run: Run, now: datetime) -> Status:
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
