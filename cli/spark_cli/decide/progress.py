"""How far a request is, from what stands in the status of its Integration."""

from datetime import datetime, timedelta
from enum import StrEnum

from spark_cli.decide.verdict import HOLDING
from spark_operator.decide import conditions, request, schedule
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.record import record
from spark_operator.model.status import Mode, Run

# A request is an event for the operator, and at the latest its tick (30 s) sees it. What holds it back
# beyond that is no state of a moment.
PATIENCE = timedelta(seconds=35)


class Phase(StrEnum):
    """Where a request stands; see ``ENDED``."""

    WAITING = "Waiting"
    RUNNING = "Running"
    RETRYING = "Retrying"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    HELD = "Held"
    SUPERSEDED = "Superseded"
    DELETED = "Deleted"


ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.HELD, Phase.SUPERSEDED, Phase.DELETED)


@record(frozen=True, slots=True)
class Asked:
    """One request: of which object, by which token, at what time of our clock.

    ``token`` None: nothing was asked for, since ``run`` goes on already, and its end is waited for.
    """

    uid: str
    namespace: str
    name: str
    token: str | None
    at: datetime
    run: int | None = None


@record(frozen=True, slots=True)
class Step:
    phase: Phase
    message: str
    run: int | None = None
    attempt: int | None = None
    rows: int | None = None
    next_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.phase in ENDED


def _ready_message(integration: Integration) -> str:
    ready = integration.status.condition(conditions.READY)
    return ready.message if ready is not None else ""


def _not_taken(asked: Asked, integration: Integration, now: datetime) -> Step:
    ready = integration.status.condition(conditions.READY)
    if malformed := request.problem(integration):
        return Step(Phase.HELD, malformed.strip())
    if integration.spec.suspend:
        return Step(Phase.HELD, "It is suspended: kubectl spark resume starts what was asked for.")
    patient = now - asked.at < PATIENCE
    if not patient and ready is not None and ready.reason in HOLDING:
        return Step(Phase.HELD, ready.message)
    run = integration.status.run
    if run is not None and run.running:
        return Step(Phase.WAITING, f"Run {run.number} goes on; then it is this one's turn.")
    if patient:
        return Step(Phase.WAITING, "Asked for.")
    if ready is None:
        return Step(Phase.WAITING, "No operator has looked at it: kubectl spark doctor tells why.")
    return Step(Phase.WAITING, ready.message, next_at=integration.status.next_update_at)


def _step(phase: Phase, message: str, run: Run, next_at: datetime | None = None) -> Step:
    return Step(phase, message, run.number, run.attempt, run.rows, next_at)


def _failed(integration: Integration, run: Run, plugin: Plugin | None, now: datetime) -> Step:
    message = run.message or "The fetch failed."
    if run.mode is Mode.CHECK or run.failure_cleared:
        return _step(Phase.FAILED, message, run)
    ready = integration.status.condition(conditions.READY)
    if ready is not None and ready.reason in HOLDING and ready.reason != run.reason:
        # Refused or suspended since it failed. A run that was itself refused has ended its cycle.
        return _step(Phase.HELD, f"{message} {ready.message}", run)
    if run.generation == integration.generation and schedule.cycle_ended(run, integration.spec):
        return _step(Phase.FAILED, message, run)
    at = (
        schedule.next_start(integration, plugin, now).at
        if plugin is not None
        else integration.status.next_update_at
    )
    attempts = len(integration.spec.retry_delays_seconds) + 1
    retries = f"Attempt {run.attempt} of {attempts} failed, retries go on: {message}"
    return _step(Phase.RETRYING, retries, run, at)


def _of_run(integration: Integration, run: Run, plugin: Plugin | None, now: datetime) -> Step:
    if run.running:
        said = run.message or f"Run {run.number}, attempt {run.attempt}."
        return _step(Phase.RUNNING, said, run)
    if run.failed:
        return _failed(integration, run, plugin, now)
    rows = "" if run.rows is None else f"{run.rows} row{'s' * (run.rows != 1)} loaded."
    message = " ".join(filter(None, (rows, run.message))) or "Done."
    return _step(Phase.SUCCEEDED, message, run)


def _afterwards(asked: Asked, integration: Integration) -> Step:
    """Its run is over and no more the recorded one: somebody looked away, or another run came."""
    succeeded = integration.status.last_successful_update_at
    if succeeded is not None and succeeded >= asked.at.replace(microsecond=0):
        return Step(Phase.SUCCEEDED, "Done, and another run has begun since.")
    return Step(Phase.SUPERSEDED, "Another run has come since; kubectl spark status tells of it.")


def of(
    asked: Asked,
    integration: Integration | None,
    plugin: Plugin | None,
    now: datetime,
    silence: str = "",
) -> Step:
    """Where the request stands. ``integration`` None: there is none of that name, or another one.

    ``silence``: a sentence where no operator is at work. What stands in the status then is old, and says
    nothing of why the request is not taken.
    """
    step = _of(asked, integration, plugin, now)
    if silence and step.phase is Phase.WAITING and now - asked.at >= PATIENCE:
        return Step(Phase.WAITING, silence)
    return step


def _of(
    asked: Asked, integration: Integration | None, plugin: Plugin | None, now: datetime
) -> Step:
    if integration is None or integration.uid != asked.uid or integration.deleting:
        return Step(Phase.DELETED, "It was deleted.")
    status = integration.status
    runs = [run for run in (status.run, status.last_fetch) if run is not None]
    if asked.token is None:
        return _of_known_run(asked, integration, runs, plugin, now)
    for run in runs:
        if run.request == asked.token:
            return _of_run(integration, run, plugin, now)
    if status.last_handled_request == asked.token:
        return _afterwards(asked, integration)
    if integration.requested_at != asked.token:
        return Step(Phase.SUPERSEDED, "Somebody asked anew before this request was taken.")
    return _not_taken(asked, integration, now)


def _of_known_run(
    asked: Asked,
    integration: Integration,
    runs: list[Run],
    plugin: Plugin | None,
    now: datetime,
) -> Step:
    """Of the run that went on when we came, and of its retries: later attempts of the same work.

    A check that came meanwhile is neither; the fetch before it stands beside it.
    """
    if asked.run is None or all(run.number < asked.run for run in runs):
        return Step(Phase.SUPERSEDED, "The run that went on is not recorded any more.")
    for run in runs:
        later_attempt = run.attempt > 1 and run.mode is not Mode.CHECK and run.number > asked.run
        if run.number == asked.run or later_attempt:
            return _of_run(integration, run, plugin, now)
    return _afterwards(asked, integration)
