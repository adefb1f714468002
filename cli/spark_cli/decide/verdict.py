"""What the operator would do with an Integration now, by its own rules, said in words."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from spark_operator.decide import capacity, conditions, decision, fetch, schedule
from spark_operator.decide.capacity import Candidate, Limits
from spark_operator.decide.decision import Decision
from spark_operator.decide.view import View
from spark_operator.model.integration import Integration
from spark_operator.model.record import record
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Mode, Reason, Run

# Nothing of the schedule moves these, and no request passes them: somebody has to act.
HOLDING = (Reason.SUSPENDED, Reason.UNKNOWN_SERVICE, Reason.INVALID_CONFIG)


class Action(StrEnum):
    """What would happen."""

    START = "Start"
    QUEUE = "Queue"
    WAIT = "Wait"
    HOLD = "Hold"
    RUN = "Run"
    RECORD = "Record"
    CREATE_JOB = "CreateJob"
    DELETE_JOBS = "DeleteJobs"


@record(frozen=True, slots=True)
class Verdict:
    """``next_at`` is the earliest start of the next fetch; None where the clock alone starts none."""

    action: Action
    reason: str
    message: str
    next_at: datetime | None = None

    @property
    def due(self) -> bool:
        """Whether a fetch would start now, if not for the places."""
        return self.action in (Action.START, Action.QUEUE)

    @property
    def held(self) -> bool:
        return self.action is Action.HOLD


def _described(run: Run) -> str:
    since = f" since {run.since:%Y-%m-%dT%H:%M:%SZ}" if run.since else ""
    what = "a fetch" if run.mode is Mode.FETCH else f"a {run.mode}{since}"
    return f"{what}, attempt {run.attempt}"


def _start(run: Run | None, now: datetime) -> Verdict:
    if run is None:
        return Verdict(Action.START, Reason.PENDING, "Due: a fetch would start.", now)
    why = run.trigger.value
    return Verdict(Action.START, why, f"Due: {_described(run)}, would start.", now)


def _wait(view: View, decided: decision.Wait) -> Verdict:
    integration = view.integration
    if integration.deleting:
        return Verdict(Action.HOLD, "Deleting", "It is being deleted: its Jobs go with it.")
    ready = decided.status.condition(conditions.READY)
    reason = ready.reason if ready is not None else Reason.PENDING.value
    message = ready.message if ready is not None else ""
    run = integration.status.run
    if run is not None and run.running:
        return Verdict(Action.RUN, reason, message)
    # A missing claim is looked for again by the clock. A run that was refused has such a reason, too,
    # but rests until its time has come.
    by_clock = decided.until is not None and view.volume_claim_exists is not False
    if view.scheduler is None or (reason in HOLDING and not by_clock):
        return Verdict(Action.HOLD, reason, message)
    return Verdict(Action.WAIT, reason, message, decided.until)


def of(view: View, decided: Decision, now: datetime) -> Verdict:
    """The decision in words. Look-ups must have been answered before: they are no end.

    Raises ValueError for a decision that asks for something.
    """
    match decided:
        case decision.Wait():
            return _wait(view, decided)
        case decision.AskCapacity():
            plugin = view.plugin
            assert plugin is not None, "a place is asked for only where the Plugin is known"
            start = schedule.next_start(view.integration, plugin, now)
            return Verdict(
                Action.QUEUE,
                Reason.AT_CAPACITY,
                f"Due ({start.trigger}), and waiting for a free place: maxConcurrentFetches of the "
                "Plugin or of the Scheduler is reached.",
                now,
            )
        case decision.Claim(status=status):
            return _start(status.run, now)
        case decision.CreateJob(run=run):
            return Verdict(
                Action.CREATE_JOB,
                "Fetching",
                f"The Job {run.job_name} of run {run.number} is made.",
            )
        case decision.Record(status=status):
            ready = status.condition(conditions.READY)
            message = ready.message if ready is not None else ""
            reason = ready.reason if ready is not None else ""
            return Verdict(
                Action.RECORD, reason, f"The run is over, and this is recorded: {message}"
            )
        case decision.DeleteJobs(jobs=jobs):
            names = ", ".join(job.name for job in jobs)
            return Verdict(Action.DELETE_JOBS, "Pruned", f"These Jobs are deleted: {names}.")
        case _:
            raise ValueError(f"{type(decided).__name__} asks for something that was not looked up")


def outlook(view: View, now: datetime) -> Verdict:
    """As ``of`` for what can be said without a look-up and without the places of others: what is due,
    what waits for its time, what is held. A check that goes on changes nothing about the fetches: it is
    judged as if it were over."""
    status = view.integration.status
    if status.run is not None and status.run.running and status.run.mode is Mode.CHECK:
        after = replace(status, run=status.last_fetch, last_fetch=None)
        view = replace(view, integration=view.integration.with_status(after))
    decided = fetch.decide(replace(view, admitted=False), now)
    if isinstance(decided, decision.AskCapacity):
        return Verdict(Action.START, Reason.PENDING, "Due now.", now)
    if isinstance(decided, decision.Wait):
        return of(view, decided, now)
    return Verdict(Action.RUN, Reason.FETCHING, "A run goes on, or has ended just now.")


def by_status(integration: Integration, scheduler: Scheduler | None, now: datetime) -> Verdict:
    """As ``outlook`` without the Plugin, whose rules we may not see: by what the operator has written."""
    status = integration.status
    ready = status.condition(conditions.READY)
    reason = ready.reason if ready is not None else Reason.PENDING.value
    message = ready.message if ready is not None else "No operator has looked at it yet."
    if integration.deleting:
        return Verdict(Action.HOLD, "Deleting", "It is being deleted: its Jobs go with it.")
    if status.run is not None and status.run.running:
        return Verdict(Action.RUN, reason, message)
    if integration.spec.suspend:
        said = "spec.suspend is true: nothing is fetched until it is resumed."
        return Verdict(Action.HOLD, Reason.SUSPENDED, said)
    if scheduler is None:
        return Verdict(Action.HOLD, reason, "There is no Scheduler, so nothing is fetched.")
    if scheduler.suspend:
        said = "The Scheduler is suspended: nothing is fetched until it is resumed."
        return Verdict(Action.HOLD, Reason.SUSPENDED, said)
    next_at = status.next_update_at
    if next_at is None and reason in HOLDING:
        return Verdict(Action.HOLD, reason, message)
    if next_at is not None and next_at > now:
        return Verdict(Action.WAIT, reason, message, next_at)
    return Verdict(Action.START, reason, f"Due by its status. {message}", now)


def admitted(
    candidates: dict[str, Candidate], in_flight: list[str], limits: Limits
) -> frozenset[str]:
    """The uids of those that would get a place now. The namespace whose turn it is, is known to the
    operator alone: it is taken for the first."""
    return frozenset(
        c.uid
        for c in capacity.admit(candidates.values(), in_flight=in_flight, limits=limits, after="")
    )
