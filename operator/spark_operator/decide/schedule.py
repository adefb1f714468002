"""When the next fetch may start: frequency, retry delays, Retry-After, the pause after a failed cycle.

Source of the rules: design, section 3; the due rule is the original application's.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from spark_operator.decide import request
from spark_operator.model import names
from spark_operator.model.integration import Integration, Spec
from spark_operator.model.plugin import Plugin
from spark_operator.model.record import record
from spark_operator.model.status import ErrorClass, Mode, Reason, Run, Status, Trigger

# A time further ahead than this was written by a clock that was wrong: it counts as absent.
FUTURE_TOLERANCE = timedelta(minutes=1)
MAX_PAUSE = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
# After a lost run its pod may live on for its grace period (15 s); 5 s more for its kubelet.
LOST_GRACE = timedelta(seconds=20)


@record(frozen=True, slots=True)
class Start:
    """The earliest next start. ``reason`` and ``message`` say what the Integration waits for.

    ``due_at`` is the slot: what the frequency or the ladder asks for, before Retry-After.
    """

    at: datetime
    due_at: datetime
    trigger: Trigger
    attempt: int
    reason: Reason
    message: str
    mode: Mode = Mode.FETCH
    since: datetime | None = None
    request: str | None = None


def sane(moment: datetime | None, now: datetime) -> datetime | None:
    """A stored time, unless it lies in the future of this clock."""
    return None if moment is None or moment > now + FUTURE_TOLERANCE else moment


def frequency(spec: Spec, plugin: Plugin) -> timedelta:
    """The user's frequency or the Plugin's default, never more often than the Plugin allows."""
    asked = spec.update_frequency_minutes or plugin.default_update_frequency_minutes
    return _MINUTE * max(asked, plugin.min_update_frequency_minutes)


def frequency_note(spec: Spec, plugin: Plugin) -> str:
    """A sentence where the Plugin's minimum overrules the user, else nothing."""
    asked, least = spec.update_frequency_minutes, plugin.min_update_frequency_minutes
    if asked is None or asked >= least:
        return ""
    return f" updateFrequencyMinutes {asked} is raised to {least}, the minimum of the service."


def retryable(error_class: ErrorClass | None) -> bool:
    """Credentials and configuration do not mend themselves within a cycle."""
    return error_class is not ErrorClass.PERMANENT


def cycle_ended(run: Run, spec: Spec) -> bool:
    """Whether a failed run was the last of its cycle."""
    return not retryable(run.error_class) or run.attempt > len(spec.retry_delays_seconds)


def pause(consecutive_failures: int, every: timedelta) -> timedelta:
    """After the k-th failed cycle: frequency times 2^(k-1), at most a day, at least the frequency."""
    # The exponent is bounded, since a counter is a number that anybody may have written.
    factor: int = 2 ** min(max(consecutive_failures - 1, 0), 20)
    doubled = every * factor
    return max(every, min(doubled, MAX_PAUSE))


def _retry_after_ends(run: Run, now: datetime) -> datetime | None:
    finished_at = sane(run.finished_at, now)
    limited = run.failed and run.error_class is ErrorClass.RATE_LIMITED
    if finished_at is None or not limited or run.retry_after_seconds is None:
        return None
    return finished_at + timedelta(seconds=run.retry_after_seconds)


def rate_limited_until(status: Status, now: datetime) -> datetime | None:
    """Until when the service asked to be left alone, as its latest runs were told."""
    told = [_retry_after_ends(run, now) for run in (status.run, status.last_fetch) if run]
    return max((moment for moment in told if moment is not None), default=None)


def _floor(failed: Run, now: datetime) -> datetime | None:
    """Before this nothing starts, whoever asks: the service's own Retry-After, and the grace of a pod
    that nobody has seen end. Nothing but time moves it."""
    if failed.error_class is ErrorClass.LOST:
        finished_at = sane(failed.finished_at, now)
        return None if finished_at is None else finished_at + LOST_GRACE
    return _retry_after_ends(failed, now)


def _by_frequency(integration: Integration, plugin: Plugin, now: datetime) -> Start:
    last = sane(integration.status.last_successful_update_at, now)
    if last is None:
        due_at = sane(integration.created_at, now) or now
        return Start(
            due_at, due_at, Trigger.SCHEDULED, 1, Reason.PENDING, "The first fetch is due."
        )
    due_at = last + frequency(integration.spec, plugin)
    fetch = integration.status.fetch
    if fetch is not None and fetch.failed:
        message = f"The last fetch failed, and {names.RESET_AT} has cleared that."
        return Start(due_at, due_at, Trigger.SCHEDULED, 1, Reason.PENDING, message)
    return Start(due_at, due_at, Trigger.SCHEDULED, 1, Reason.FETCHED, "")


def _same_work(start: Start, run: Run) -> Start:
    return replace(start, mode=run.mode, since=run.since, request=run.request)


def _after_failure(integration: Integration, plugin: Plugin, run: Run, now: datetime) -> Start:
    spec, status = integration.spec, integration.status
    finished_at = sane(run.finished_at, now) or sane(run.started_at, now)
    message = run.message or "The fetch failed."
    if run.generation != integration.generation or finished_at is None:
        # The spec was changed, or suspending cleared the back-off: due since it failed. It is the same
        # work that is tried again: whoever mends a backfill's timeout does not give the backfill up.
        due_at = finished_at or now
        return _same_work(Start(due_at, due_at, Trigger.SCHEDULED, 1, Reason.PENDING, message), run)
    if not cycle_ended(run, spec):
        due_at = finished_at + timedelta(seconds=spec.retry_delays_seconds[run.attempt - 1])
        limited = run.error_class is ErrorClass.RATE_LIMITED
        start = Start(
            due_at,
            due_at,
            Trigger.RETRY,
            run.attempt + 1,
            Reason.RATE_LIMITED if limited else Reason.BACKING_OFF,
            f"{message} Attempt {run.attempt} of {len(spec.retry_delays_seconds) + 1} failed.",
        )
        return _same_work(start, run)
    due_at = finished_at + pause(status.consecutive_failures, frequency(spec, plugin))
    permanent = not retryable(run.error_class)
    return Start(
        due_at,
        due_at,
        Trigger.SCHEDULED,
        1,
        (run.reason or Reason.FAILED) if permanent else Reason.FAILED,
        message if permanent else f"{message} All {run.attempt} attempts failed.",
    )


def next_start(integration: Integration, plugin: Plugin, now: datetime) -> Start:
    """When, why and as which attempt the next run starts, if nothing else forbids it.

    Only meaningful while no run goes on. A request passes frequency, ladder and pause, but not the
    Retry-After of the service nor the grace after a lost run. A check leaves no trace here but those
    two: the next fetch comes when it would have come without.
    """
    run, fetch = integration.status.run, integration.status.fetch
    start = (
        _after_failure(integration, plugin, fetch, now)
        if fetch is not None and fetch.failed and not fetch.failure_cleared
        else _by_frequency(integration, plugin, now)
    )
    if asked := request.asked(integration):
        start = Start(
            min(start.at, now),
            now,
            Trigger.REQUESTED,
            1,
            start.reason,
            start.message,
            asked.mode,
            asked.since,
            integration.requested_at,
        )
    for ended in (run,) if run is fetch else (run, fetch):
        floor = _floor(ended, now) if ended is not None and ended.failed else None
        if floor is not None and floor > start.at:
            start = replace(start, at=floor)
    return start
