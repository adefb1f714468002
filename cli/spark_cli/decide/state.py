"""What one line says of an Integration."""

from datetime import datetime, timedelta

from spark_operator.decide import conditions, schedule
from spark_operator.model.integration import Integration
from spark_operator.model.record import record
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Mode, Reason, Run

# The operator checks every 30 s; two that were missed are no coincidence.
SILENCE = timedelta(seconds=100)


@record(frozen=True, slots=True)
class Line:
    """``why`` is empty where all is well."""

    namespace: str
    name: str
    service: str
    state: str
    last: datetime | None
    next: datetime | None
    rows: int | None
    failures: int
    why: str
    message: str


def line(integration: Integration) -> Line:
    """From the status alone, as the operator has written it."""
    status = integration.status
    ready = status.condition(conditions.READY)
    if integration.deleting:
        state, message = "Deleting", "It is being deleted; its Jobs go with it."
    elif ready is None:
        state, message = Reason.PENDING.value, "No operator has looked at it yet."
    else:
        state, message = ready.reason, ready.message
    fetch = status.fetch
    plain = state == Reason.FETCHED and fetch is not None and not fetch.message
    outdated = ready is not None and ready.observed_generation < integration.generation
    if outdated:
        message = f"Its spec was changed, and no operator has looked at it since. {message}"
    return Line(
        namespace=integration.namespace,
        name=integration.name,
        service=integration.spec.service,
        state=state,
        last=status.last_successful_update_at,
        next=status.next_update_at,
        rows=fetch.rows if fetch is not None else None,
        failures=status.consecutive_failures,
        why="" if plain and not outdated and not _check_failed(status.run) else message,
        message=message,
    )


def _check_failed(run: Run | None) -> bool:
    return run is not None and run.mode is Mode.CHECK and run.failed


def failing(integration: Integration) -> bool:
    """Whether it belongs among the failed: its latest attempt failed, or it is refused as it is."""
    ready = integration.status.condition(conditions.READY)
    refused = ready is not None and ready.reason in (Reason.UNKNOWN_SERVICE, Reason.INVALID_CONFIG)
    return integration.status.failing or refused


def silence(scheduler: Scheduler | None, checked: datetime | None, now: datetime) -> str:
    """A sentence where the states may be old, since no operator is at work; else nothing."""
    if scheduler is None:
        return "There is no Scheduler, so nothing is fetched (kubectl spark doctor tells more)."
    checked = schedule.sane(checked, now)
    if checked is None:
        return "No operator has checked yet (kubectl spark doctor tells more)."
    if now - checked > SILENCE:
        return (
            f"The operator has not checked since {checked:%Y-%m-%dT%H:%M:%SZ}: what stands here may be "
            "old (kubectl spark doctor tells more)."
        )
    if scheduler.suspend:
        return "The Scheduler is suspended: nothing is fetched until it is resumed."
    return ""
