"""The status of an Integration: what happened, in timestamps, one run and three conditions."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from spark_operator.model import fields, timestamps
from spark_operator.model.record import record

MESSAGE_LENGTH = 1024
# A run every second reaches it in thirty million years. What is larger was written by somebody else,
# and one more than the largest number of the API server would never be stored.
MAX_RUN_NUMBER = 10**15 - 1
MAX_RETRY_AFTER_SECONDS = 86_400

_E = TypeVar("_E", bound=StrEnum)


class Outcome(StrEnum):
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Trigger(StrEnum):
    SCHEDULED = "Scheduled"
    RETRY = "Retry"
    REQUESTED = "Requested"


class Mode(StrEnum):
    """What a run does; everything but a check brings the data up to date."""

    FETCH = "fetch"
    CHECK = "check"
    RESET = "reset"
    BACKFILL = "backfill"


class ErrorClass(StrEnum):
    """What kind of failure; each has its own clock (docs/contract.md and design, section 3)."""

    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rateLimited"
    PERMANENT = "permanent"
    REJECTED = "rejected"
    LOST = "lost"
    OOM_KILLED = "oomKilled"
    EVICTED = "evicted"
    IMAGE_PULL_FAILED = "imagePullFailed"
    UNSCHEDULABLE = "unschedulable"


class Reason(StrEnum):
    """Reasons of the Ready condition, the same in Events and metrics."""

    PENDING = "Pending"
    FETCHING = "Fetching"
    FETCHED = "Fetched"
    BACKING_OFF = "BackingOff"
    RATE_LIMITED = "RateLimited"
    FAILED = "Failed"
    INVALID_CREDENTIALS = "InvalidCredentials"
    INVALID_CONFIG = "InvalidConfig"
    UNKNOWN_SERVICE = "UnknownService"
    AT_CAPACITY = "AtCapacity"
    SUSPENDED = "Suspended"


class EventReason(StrEnum):
    """Reasons of those Events that go with no condition, as what they tell of leaves Ready as it is.

    Every other Event has the Reason of the condition that was written with it.
    """

    INVALID_REQUEST = "InvalidRequest"
    CHECK_FAILED = "CheckFailed"
    SUPERSEDED = "Superseded"


@record(frozen=True, slots=True)
class Run:
    """One fetch attempt: the claim while it is Running, the record afterwards.

    ``generation`` is that of the spec it ran with; None once its back-off no longer counts.
    ``mode``, ``since`` and ``request`` (the token that asked for it) are kept through the retries.
    ``failure_cleared``: somebody has said that this failure counts no more.
    """

    number: int
    attempt: int
    trigger: Trigger
    generation: int | None
    job_name: str
    started_at: datetime | None
    outcome: Outcome = Outcome.RUNNING
    finished_at: datetime | None = None
    error_class: ErrorClass | None = None
    reason: Reason | None = None
    message: str | None = None
    rows: int | None = None
    retry_after_seconds: int | None = None
    mode: Mode = Mode.FETCH
    since: datetime | None = None
    request: str | None = None
    failure_cleared: bool = False

    @property
    def running(self) -> bool:
        return self.outcome is Outcome.RUNNING

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED


@record(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    last_transition_time: datetime | None


@record(frozen=True, slots=True)
class Status:
    """``last_fetch``: the run before a check, since a check must not change when the next fetch comes."""

    observed_generation: int | None = None
    last_triggered_at: datetime | None = None
    last_successful_update_at: datetime | None = None
    last_failed_at: datetime | None = None
    next_update_at: datetime | None = None
    last_handled_request: str | None = None
    last_handled_reset: str | None = None
    consecutive_failures: int = 0
    run: Run | None = None
    last_fetch: Run | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def fetch(self) -> Run | None:
        """The latest run that is no check: what the schedule and the Ready condition go by."""
        if self.run is not None and self.run.mode is Mode.CHECK:
            return self.last_fetch
        return self.run

    def with_fetch(self, run: Run) -> "Status":
        """Another record in the place of ``fetch``."""
        if self.run is not None and self.run.mode is Mode.CHECK:
            return replace(self, last_fetch=run)
        return replace(self, run=run)

    @property
    def failing(self) -> bool:
        """Whether the latest attempt that ended has failed; one that goes on leaves it as it was."""
        fetch = self.fetch
        if fetch is not None and not fetch.running:
            return fetch.failed and not fetch.failure_cleared
        succeeded, failed = self.last_successful_update_at, self.last_failed_at
        return failed is not None and (succeeded is None or failed >= succeeded)

    def condition(self, type_: str) -> Condition | None:
        for condition in self.conditions:
            if condition.type == type_:
                return condition
        return None


def _by_value(kind: type[_E]) -> dict[str, _E]:
    return {member.value: member for member in kind}


_OUTCOMES = _by_value(Outcome)
_TRIGGERS = _by_value(Trigger)
_MODES = _by_value(Mode)
_ERROR_CLASSES = _by_value(ErrorClass)
_REASONS = _by_value(Reason)


def _member(known: dict[str, _E], value: object) -> _E | None:
    return known.get(value) if isinstance(value, str) else None


def _retry_after(value: object) -> int | None:
    seconds = fields.optional_integer(value)
    return None if seconds is None else max(0, min(seconds, MAX_RETRY_AFTER_SECONDS))


def _parse_run(value: object) -> Run | None:
    run = fields.mapping(value)
    number = fields.integer(run.get("number"))
    outcome = _member(_OUTCOMES, run.get("outcome"))
    if not 1 <= number <= MAX_RUN_NUMBER or outcome is None:
        return None
    return Run(
        number=number,
        attempt=max(1, fields.integer(run.get("attempt"), 1)),
        trigger=_member(_TRIGGERS, run.get("trigger")) or Trigger.SCHEDULED,
        generation=fields.optional_integer(run.get("generation")),
        job_name=fields.text(run.get("jobName")),
        started_at=timestamps.parse(run.get("startedAt")),
        outcome=outcome,
        finished_at=timestamps.parse(run.get("finishedAt")),
        error_class=_member(_ERROR_CLASSES, run.get("errorClass")),
        reason=_member(_REASONS, run.get("reason")),
        message=fields.optional_text(run.get("message")),
        rows=fields.optional_integer(run.get("rows")),
        retry_after_seconds=_retry_after(run.get("retryAfterSeconds")),
        mode=_member(_MODES, run.get("mode")) or Mode.FETCH,
        since=timestamps.parse(run.get("since")),
        request=fields.optional_text(run.get("request")),
        failure_cleared=run.get("failureCleared") is True,
    )


def _parse_last_fetch(value: object) -> Run | None:
    # It stands there only once it has ended, and no check is a fetch: anything else is nonsense.
    run = _parse_run(value)
    return None if run is None or run.running or run.mode is Mode.CHECK else run


def _parse_condition(value: object) -> Condition:
    condition = fields.mapping(value)
    return Condition(
        type=fields.text(condition.get("type")),
        status=fields.text(condition.get("status")),
        reason=fields.text(condition.get("reason")),
        message=fields.text(condition.get("message")),
        observed_generation=fields.integer(condition.get("observedGeneration")),
        last_transition_time=timestamps.parse(condition.get("lastTransitionTime")),
    )


def parse(value: object) -> Status:
    status = fields.mapping(value)
    return Status(
        observed_generation=fields.optional_integer(status.get("observedGeneration")),
        last_triggered_at=timestamps.parse(status.get("lastTriggeredAt")),
        last_successful_update_at=timestamps.parse(status.get("lastSuccessfulUpdateAt")),
        last_failed_at=timestamps.parse(status.get("lastFailedAt")),
        next_update_at=timestamps.parse(status.get("nextUpdateAt")),
        last_handled_request=fields.optional_text(status.get("lastHandledRequest")),
        last_handled_reset=fields.optional_text(status.get("lastHandledReset")),
        consecutive_failures=max(0, fields.integer(status.get("consecutiveFailures"))),
        run=_parse_run(status.get("run")),
        last_fetch=_parse_last_fetch(status.get("lastFetch")),
        conditions=tuple(_parse_condition(c) for c in fields.items(status.get("conditions"))),
    )


def _dump_run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "attempt": run.attempt,
        "trigger": run.trigger.value,
        "mode": run.mode.value,
        "since": timestamps.dump(run.since),
        "request": run.request,
        "generation": run.generation,
        "jobName": run.job_name,
        "startedAt": timestamps.dump(run.started_at),
        "finishedAt": timestamps.dump(run.finished_at),
        "outcome": run.outcome.value,
        "errorClass": run.error_class,
        "reason": run.reason,
        "message": run.message,
        "rows": run.rows,
        "retryAfterSeconds": run.retry_after_seconds,
        "failureCleared": run.failure_cleared or None,
    }


def dump(status: Status) -> dict[str, Any]:
    """The whole status as a merge patch: a None deletes the field, and the list is replaced."""
    return {
        "observedGeneration": status.observed_generation,
        "lastTriggeredAt": timestamps.dump(status.last_triggered_at),
        "lastSuccessfulUpdateAt": timestamps.dump(status.last_successful_update_at),
        "lastFailedAt": timestamps.dump(status.last_failed_at),
        "nextUpdateAt": timestamps.dump(status.next_update_at),
        "lastHandledRequest": status.last_handled_request,
        "lastHandledReset": status.last_handled_reset,
        "consecutiveFailures": status.consecutive_failures,
        "run": _dump_run(status.run) if status.run else None,
        "lastFetch": _dump_run(status.last_fetch) if status.last_fetch else None,
        "conditions": [
            {
                "type": c.type,
                "status": c.status,
                "reason": c.reason,
                "message": c.message[:MESSAGE_LENGTH],
                "observedGeneration": c.observed_generation,
                "lastTransitionTime": timestamps.dump(c.last_transition_time),
            }
            for c in status.conditions
        ],
    }
