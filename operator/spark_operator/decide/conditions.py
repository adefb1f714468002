"""The one place that composes conditions: one answer to "why is it not running, until when"."""

from datetime import datetime

from spark_operator.decide import request
from spark_operator.decide.decision import Announcement
from spark_operator.model import timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.status import Condition, EventReason, Reason, Run, Status

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
TYPES = (READY, RECONCILING, STALLED)

# Tuples: they are searched for each decision, and hashing a member of an Enum costs more than comparing.
_STALLED = (
    Reason.UNKNOWN_SERVICE,
    Reason.INVALID_CONFIG,
    Reason.INVALID_CREDENTIALS,
    Reason.FAILED,
)
_NOT_READY = (*_STALLED, Reason.BACKING_OFF, Reason.RATE_LIMITED)
_MESSAGE_LENGTH = 1024


def _ready(status: Status, reason: Reason) -> str:
    """Unknown before the first outcome, then as the last outcome was; a fetch changes the reason only."""
    if reason in _NOT_READY:
        return "False"
    if reason is Reason.FETCHED:
        return "True"
    succeeded, failed = status.last_successful_update_at, status.last_failed_at
    if succeeded is None and failed is None:
        return "Unknown"
    fetch = status.fetch
    if fetch is not None and not fetch.running:
        return "False" if fetch.failed else "True"
    return "True" if succeeded and (failed is None or succeeded > failed) else "False"


def _condition(
    integration: Integration, type_: str, status: str, reason: Reason, message: str, now: datetime
) -> Condition:
    before = integration.status.condition(type_)
    message = message[:_MESSAGE_LENGTH]
    since = None
    if before is not None and before.status == status:
        since = before.last_transition_time
        if (
            since is not None
            and before.message == message
            and before.reason == reason
            and before.observed_generation == integration.generation
        ):
            return before
    return Condition(
        type=type_,
        status=status,
        reason=reason.value,
        message=message,
        observed_generation=integration.generation,
        last_transition_time=since or timestamps.whole_seconds(now),
    )


def compose(
    integration: Integration,
    status: Status,
    *,
    reason: Reason,
    message: str,
    next_at: datetime | None,
    now: datetime,
) -> Status:
    """``status`` with its conditions, ``nextUpdateAt`` and ``observedGeneration`` as they must be.

    ``integration`` carries the conditions as recorded, for their transition times.
    """
    ready = _ready(status, reason)
    stalled = reason in _STALLED
    reconciling = (
        not stalled and reason is not Reason.SUSPENDED and status.last_successful_update_at is None
    )
    # Spelt out, since this is the most frequent act of all and dataclasses.replace takes thrice as long.
    return Status(
        observed_generation=integration.generation,
        last_triggered_at=status.last_triggered_at,
        last_successful_update_at=status.last_successful_update_at,
        last_failed_at=status.last_failed_at,
        next_update_at=timestamps.whole_seconds(next_at) if next_at else None,
        last_handled_request=status.last_handled_request,
        last_handled_reset=status.last_handled_reset,
        consecutive_failures=status.consecutive_failures,
        run=status.run,
        last_fetch=status.last_fetch,
        conditions=(
            _condition(integration, READY, ready, reason, message, now),
            _condition(
                integration,
                RECONCILING,
                str(reconciling),
                reason,
                message if reconciling else "",
                now,
            ),
            _condition(integration, STALLED, str(stalled), reason, message if stalled else "", now),
        ),
    )


def announce_request(integration: Integration) -> Announcement | None:
    """The Event for a request that cannot be used, once."""
    malformed = request.problem(integration)
    before = integration.status.condition(READY)
    if not malformed or (before is not None and malformed in before.message):
        return None
    return Announcement(warning=True, reason=EventReason.INVALID_REQUEST, message=malformed.strip())


def announce_check(run: Run) -> Announcement | None:
    """The Event for a check that failed: whoever asked waits for it, and it is no failure of a fetch."""
    if not run.failed:
        return None
    message = run.message or "The check failed."
    return Announcement(warning=True, reason=EventReason.CHECK_FAILED, message=message)


def announce(integration: Integration, status: Status) -> Announcement | None:
    """The Event for the end of a run or for a refusal: failures and recoveries, never a no-op.

    A refusal that says the same as the recorded one is a no-op. How a run ended is announced with its
    record alone: what is said of it later, such as another time of the next attempt, is no news.
    """
    before, after = integration.status.condition(READY), status.condition(READY)
    if after is None or (
        before is not None and (before.reason, before.message) == (after.reason, after.message)
    ):
        return None
    if after.reason in _NOT_READY:
        return Announcement(warning=True, reason=Reason(after.reason), message=after.message)
    if after.reason == Reason.FETCHED and integration.status.last_failed_at is not None:
        succeeded_before = integration.status.last_successful_update_at
        if succeeded_before is None or succeeded_before < integration.status.last_failed_at:
            return Announcement(
                warning=False, reason=Reason.FETCHED, message=f"Recovered. {after.message}"
            )
    return None
