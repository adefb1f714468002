"""What must hold, computed from what was recorded and from what the Jobs really did.

Nothing here is taken from the code under test but the shape of its records: the rules are written
down a second time, in plain numbers, from the design. Times are seconds since the beginning.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn

from tests.simulation.fates import Fate

from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import ErrorClass, Outcome, Reason, Run, Status, Trigger

DAY = 24 * 3600.0
MAX_TOKEN = 128
MODES = ("fetch", "check", "reset", "backfill")
# The pod of a lost Job may live for 15 s, and its kubelet takes 5 s more.
LOST_GRACE = 20.0
# Everything here acts at once, so what is later than this, without a reason, is late.
GRACE = 3.0
# Nobody may wait longer than this for a place: all that come due in an outage are served faster.
PATIENCE = 2 * 3600.0
_HISTORY = 40
_MINUTE = 60.0


class Broken(AssertionError):
    """An invariant does not hold; the message has what led there."""


@dataclass(slots=True)
class Ledger:
    """The record of one Integration."""

    integration: Integration
    created_at: float
    # Until then there was a reason not to act, beside those that concern all.
    excused_until: float = 0.0
    requested_at: float = 0.0
    claimed_generation: int = 0
    claims: int = 0
    failed_cycles: int = 0
    # Changes of the words in a status that something happened for.
    words_allowed: int = 2
    failing: bool = False
    # The latest run but for checks, which must not change when the next fetch comes.
    fetch: Run | None = None
    cleared: bool = False
    reset_at: float = 0.0
    jobs: dict[str, Job] = field(default_factory=dict)
    ends: dict[int, tuple[Fate | None, float]] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    strays: dict[str, float] = field(default_factory=dict)
    history: deque[tuple[Any, ...]] = field(default_factory=lambda: deque(maxlen=_HISTORY))


@dataclass(frozen=True, slots=True)
class Slot:
    """The next start that the record asks for; ``at`` is the earliest, by ladder and Retry-After."""

    at: float
    attempt: int
    trigger: Trigger
    reason: Reason
    mode: str = "fetch"


class Oracle:
    def __init__(self, start: datetime) -> None:
        self._start = start
        self.seconds = 0.0
        self.ledgers: dict[str, Ledger] = {}
        self.plugins: dict[str, Plugin] = {}
        self.scheduler: Scheduler | None = None
        self.up = False
        self.up_since = 0.0
        self.stale_until = 0.0
        # When something that concerns many was last told; late news included.
        self._told_all_until = 0.0
        self._told_service_until: dict[str, float] = {}
        self._running: dict[str, str] = {}
        self._by_service: Counter[str] = Counter()
        self._full_until: dict[str, float] = {}
        self._full: set[str] = set()
        self.seen: Counter[str] = Counter()

    def _at(self, moment: datetime) -> float:
        return (moment - self._start).total_seconds()

    def broken(self, ledger: Ledger, what: str) -> NoReturn:
        integration = ledger.integration
        story = "\n".join(
            f"  {self._day(at)}  " + " ".join(map(str, words)) for at, *words in ledger.history
        )
        raise Broken(
            f"{what}\nIntegration {integration.namespace}/{integration.name} at "
            f"{self._day(self.seconds)}\nspec {integration.spec}\n"
            f"status {integration.status}\nhistory\n{story}"
        )

    @staticmethod
    def _day(at: float) -> str:
        hours, seconds = divmod(at % DAY, 3600)
        return f"day {int(at // DAY)} {int(hours):02}:{seconds / 60:06.3f}"

    def _note(self, ledger: Ledger, *words: object) -> None:
        ledger.history.append((self.seconds, *words))

    # --- what happens to all

    def started(self, *, stale: int) -> None:
        self.up, self.up_since = True, self.seconds
        self.seen["starts"] += 1
        if stale:
            self.stale_until = self.up_since + GRACE

    def stopped(self) -> None:
        self.up = False

    def plugins_changed(self, plugins: Mapping[str, Plugin]) -> None:
        before, self.plugins = self.plugins, dict(plugins)
        changed = {n for n in {*before, *plugins} if before.get(n) != plugins.get(n)}
        for ledger in self.ledgers.values():
            if ledger.integration.spec.service in changed:
                ledger.words_allowed += 1
        for service in changed:
            self._told_service_until[service] = self.seconds
            self._count(service)

    def scheduler_changed(self, scheduler: Scheduler | None) -> None:
        self.scheduler = scheduler
        self._told_all_until = self.seconds
        for ledger in self.ledgers.values():
            ledger.words_allowed += 1

    def late_news(self, kind: str, told: Any, until: float) -> None:
        """The watch tells it only then."""
        match kind:
            case "plugin":
                known = self._told_service_until.get(told.name, 0.0)
                self._told_service_until[told.name] = max(known, until)
            case "scheduler":
                self._told_all_until = max(self._told_all_until, until)
            case "integration" | "job":
                uid = told.uid if kind == "integration" else told.owner_uid
                if ledger := self.ledgers.get(uid):
                    ledger.excused_until = max(ledger.excused_until, until)
                    if kind == "job" and told.name in ledger.strays:
                        ledger.strays[told.name] = max(ledger.strays[told.name], until)
                elif kind == "integration":
                    # The place of one that was deleted is free when that is known.
                    self._free_since(told.spec.service, until)
                    self._free_since("", until)

    def hindered(self, uid: str, seconds: float) -> None:
        """A request failed; it is tried again after so long."""
        if ledger := self.ledgers.get(uid):
            until = self.seconds + seconds
            ledger.excused_until = max(ledger.excused_until, until)
            for name in ledger.strays:
                ledger.strays[name] = max(ledger.strays[name], until)

    # --- what users do

    def created(self, integration: Integration) -> None:
        now = self.seconds
        self.ledgers[integration.uid] = Ledger(integration, now, excused_until=now)

    def removed(self, uid: str) -> None:
        self._leave(uid)
        del self.ledgers[uid]

    def changed(self, integration: Integration, what: str) -> None:
        """The spec or the annotation."""
        ledger = self.ledgers[integration.uid]
        if integration.requested_at != ledger.integration.requested_at:
            ledger.requested_at = self.seconds
        if integration.reset_at != ledger.integration.reset_at:
            ledger.reset_at = self.seconds
        ledger.integration = integration
        ledger.words_allowed += 1
        ledger.excused_until = max(ledger.excused_until, self.seconds)
        self._note(ledger, what)

    # --- what Jobs do

    def job_created(self, job: Job, fate: Fate, *, late: bool) -> None:
        ledger = self.ledgers[job.owner_uid]
        self._note(ledger, "Job", job.run_number, "created", "late" * late, fate)
        run = ledger.integration.status.run
        current = run is not None and run.running and run.job_name == job.name
        same = [j for j in ledger.jobs.values() if j.run_number == job.run_number]
        if same:
            self.broken(ledger, f"I1: a second Job of run {job.run_number}")
        if current:
            ledger.ends.pop(job.run_number, None)
        elif late:
            ledger.strays[job.name] = self.seconds
            self.seen["strays"] += 1
        else:
            self.broken(ledger, f"I1: a Job for run {job.run_number}, which does not go on")
        others = [
            j.name for j in ledger.jobs.values() if not j.finished and j.name not in ledger.strays
        ]
        if others and not late:
            self.broken(ledger, f"I2: a second unfinished Job beside {others}")
        ledger.jobs[job.name] = job
        # Why its pod does not start is said once.
        ledger.words_allowed += fate.never_starts
        if job.name not in ledger.strays:
            ledger.ends[job.run_number] = (fate, float("inf"))

    def rejected(self, uid: str, number: int) -> None:
        self.ledgers[uid].refused.add(number)

    def job_finished(self, job: Job) -> None:
        ledger = self.ledgers[job.owner_uid]
        ledger.jobs[job.name] = job
        if job.name in ledger.strays:
            del ledger.strays[job.name]
            return
        fate, _ = ledger.ends[job.run_number]
        ledger.ends[job.run_number] = (fate, self.seconds)
        self._note(ledger, "Job", job.run_number, "ended")

    def job_deleted_by_operator(self, job: Job, *, foreground: bool) -> None:
        ledger = self.ledgers[job.owner_uid]
        run = ledger.integration.status.run
        self._note(ledger, "Job", job.run_number, "deleted by the operator")
        if job.name in ledger.strays:
            return
        current = run is not None and run.job_name == job.name
        if job.finished:
            if current:
                self.broken(ledger, "the Job of the last run was pruned")
            return
        if not current or run is None or not run.running:
            self.broken(ledger, "a Job that is no stray was deleted as one")
        assert job.created_at is not None
        age = self.seconds - self._at(job.created_at)
        if age <= (job.deadline_seconds or 0) or not foreground:
            self.broken(ledger, f"the Job of the run was deleted after {age:.0f} s")

    def job_gone(self, job: Job) -> None:
        ledger = self.ledgers.get(job.owner_uid)
        if ledger is None:
            return
        ledger.jobs.pop(job.name, None)
        if job.name in ledger.strays:
            del ledger.strays[job.name]
            return
        run = ledger.integration.status.run
        if run is not None and run.running and run.job_name == job.name:
            # Whatever it did, nobody can read it any more.
            ledger.ends[job.run_number] = (None, self.seconds)
            self._note(ledger, "Job", job.run_number, "gone")

    # --- what is recorded

    def written(self, before: Integration, after: Integration) -> None:
        ledger = self.ledgers[before.uid]
        old, new = before.status.run, after.status.run
        ledger.integration = after
        if after.status == before.status:
            self.broken(ledger, "I6: a write that changed nothing")
        self._reset(ledger, before.status, after)
        if new is None or (
            old is not None and new.number == old.number and new.outcome is old.outcome
        ):
            self._reworded(ledger, before.status, after.status)
        elif new.outcome is Outcome.RUNNING:
            self._claimed(ledger, before, after, new)
        elif old is not None and old.running and new.number == old.number:
            self._recorded(ledger, before.status, after.status, new)
        else:
            self.broken(ledger, f"I1: from {old} to {new}")

    def _reset(self, ledger: Ledger, before: Status, after: Integration) -> None:
        """Any write takes the token that stands there, and with it the failures are gone."""
        handled = before.last_handled_reset
        expected = after.reset_at if _usable(after.reset_at) else handled
        if after.status.last_handled_reset != expected:
            self.broken(ledger, f"the write did not take the reset {expected}")
        if expected != handled:
            self.seen["resets"] += 1
            self._note(ledger, "reset", expected)
            ledger.failed_cycles = 0
            fetch = _fetch(before)
            ledger.cleared = fetch is not None and fetch.failed

    def _reworded(self, ledger: Ledger, before: Status, after: Status) -> None:
        self.seen["reworded"] += 1
        self._note(ledger, "reworded", _ready(after))
        if self._says_crowded(ledger, before, after):
            return
        ledger.words_allowed -= 1
        if ledger.words_allowed < 0:
            self.broken(ledger, "I6: written although nothing happened")
        same = (
            before.last_triggered_at == after.last_triggered_at
            and before.last_successful_update_at == after.last_successful_update_at
            and before.last_failed_at == after.last_failed_at
            and before.last_handled_request == after.last_handled_request
            and after.consecutive_failures == ledger.failed_cycles
        )
        if not same:
            self.broken(ledger, f"more than words was changed from {before}")
        for run, was in ((after.run, before.run), (after.last_fetch, before.last_fetch)):
            if run is None or was is None or run == was:
                continue
            if run.generation is None and was.generation is not None:
                if not self._suspended(ledger):
                    self.broken(ledger, "the back-off was cleared without a reason")
                if run.mode != "check":
                    ledger.claimed_generation = -1
            elif not run.running and not (ledger.cleared and run.failure_cleared):
                self.broken(ledger, f"a recorded run was changed from {was}")

    def _says_crowded(self, ledger: Ledger, before: Status, after: Status) -> bool:
        """Waiting for a place is written once for each wait, and only after a minute of it."""
        if _ready(after)[1] != Reason.AT_CAPACITY:
            return False
        if _ready(before)[1] == Reason.AT_CAPACITY:
            self.broken(ledger, "I6: waiting for a place is written again")
        waited = self.seconds - self._slot(ledger, ledger.integration).at
        if waited < 60:
            self.broken(ledger, f"waiting for a place is written after {waited:.3f} s")
        return True

    def _claimed(self, ledger: Ledger, before: Integration, after: Integration, run: Run) -> None:
        now = self.seconds
        self.seen["claims"] += 1
        ledger.claims += 1
        self._note(ledger, "claimed", run.number, "attempt", run.attempt, run.trigger)
        old = before.status.run
        if old is not None and old.running:
            self.broken(ledger, f"I1: claimed while run {old.number} goes on")
        if run.number != (old.number if old is not None else 0) + 1 or run.number != ledger.claims:
            self.broken(ledger, f"I1: run {run.number} is the {ledger.claims}th claim")
        for job in ledger.jobs.values():
            if not job.finished and not now <= ledger.strays.get(job.name, -1.0) + GRACE:
                self.broken(ledger, f"I2: claimed while Job {job.name} goes on")
        if after.spec.suspend:
            self.broken(ledger, "I3: claimed while suspended")
        if now > self._told_all_until and (self.scheduler is None or self.scheduler.suspend):
            self.broken(ledger, "I3: claimed while the Scheduler is suspended or gone")
        service = after.spec.service
        if service not in self.plugins and now > self._told_service_until.get(service, 0.0):
            self.broken(ledger, "I3: claimed without a Plugin")
        slot = self._slot(ledger, before)
        started_at = self._at(run.started_at) if run.started_at is not None else -1.0
        if not now - 1 < started_at <= now:
            self.broken(ledger, f"startedAt is {run.started_at}")
        if now < slot.at:
            self.broken(ledger, f"I5: claimed {slot.at - now:.3f} s before {self._day(slot.at)}")
        if (run.attempt, run.trigger, run.mode) != (slot.attempt, slot.trigger, slot.mode):
            self.broken(ledger, f"I5: not {slot.trigger}, {slot.mode}, attempt {slot.attempt}")
        self._in_time(ledger, slot, now, "claimed")
        handled = before.status.last_handled_request
        taken = after.requested_at if _asked(after, handled) else handled
        if after.status.last_handled_request != taken:
            self.broken(ledger, f"the claim did not take the token {taken}")
        triggered = before.status.last_triggered_at if run.mode == "check" else run.started_at
        if after.status.last_triggered_at != triggered:
            self.broken(ledger, "lastTriggeredAt is not the start of the last fetch")
        was, why = _ready(before.status)
        if was and why != Reason.UNKNOWN_SERVICE and _ready(after.status)[0] != was:
            self.broken(ledger, f"a claim changed Ready from {was}, {why}")
        if run.mode == "check":
            self.seen["checks"] += 1
        else:
            ledger.claimed_generation = after.generation
            ledger.cleared = False
        self._running[after.uid] = service
        self._by_service[service] += 1
        if now > self.stale_until:
            self._hold_limits(ledger, service, now)
        self._count(service)

    def _hold_limits(self, ledger: Ledger, service: str, now: float) -> None:
        total, plugin = self.scheduler, self.plugins.get(service)
        all_know = total is not None and now > self._told_all_until
        if all_know and len(self._running) > total.max_concurrent_fetches:
            self.broken(ledger, f"{len(self._running)} runs go on at once")
        known = plugin is not None and now > self._told_service_until.get(service, 0.0)
        if known and self._by_service[service] > plugin.max_concurrent_fetches:
            self.broken(ledger, f"{self._by_service[service]} runs of {service} go on at once")

    def _recorded(self, ledger: Ledger, before: Status, after: Status, run: Run) -> None:
        now = self.seconds
        self.seen["failures" if run.failed else "successes"] += 1
        self._note(ledger, "recorded", run.number, run.error_class, _ready(after))
        self._leave(ledger.integration.uid)
        if run.mode != "check":
            ledger.failing = run.failed
            ledger.fetch = run
        fate, ended_at = ledger.ends.pop(run.number, (None, -1.0))
        if ended_at == float("inf"):
            self.broken(ledger, "I4: recorded while the Job goes on")
        if run.number in ledger.refused and fate is None:
            # Who died over the refusal left a claim without a Job.
            truth = {ErrorClass.REJECTED, ErrorClass.LOST}
        elif fate is None:
            truth = {ErrorClass.LOST}
        elif fate.never_starts:
            # Seen only by who looked while it lasted.
            truth = {fate.error_class, ErrorClass.TIMEOUT}
        else:
            truth = {fate.error_class}
        if run.error_class not in truth or run.failed != (run.error_class is not None):
            self.broken(ledger, f"I4: the Job ended as {truth}")
        if fate is not None and fate.rows != run.rows:
            self.broken(ledger, f"I4: it loaded {fate.rows} rows")
        if fate is not None and fate.retry_after != run.retry_after_seconds:
            self.broken(ledger, f"I4: it asked for {fate.retry_after} s")
        if fate is not None:
            late = now - max(ended_at, ledger.excused_until, self.up_since)
            if late > GRACE:
                self.broken(ledger, f"I4: recorded {late:.0f} s after the Job ended")
        self._times(ledger, before, after, run, ended_at, now)
        self.seen[run.error_class or "none"] += 1

    def _times(
        self, ledger: Ledger, before: Status, after: Status, run: Run, ended_at: float, now: float
    ) -> None:
        spec = ledger.integration.spec
        assert run.finished_at is not None
        finished_at = self._at(run.finished_at)
        if run.mode == "check":
            if (
                after.last_triggered_at != before.last_triggered_at
                or after.last_successful_update_at != before.last_successful_update_at
                or after.last_failed_at != before.last_failed_at
                or after.last_fetch != before.last_fetch
            ):
                self.broken(ledger, "a check changed what is recorded of fetches")
        elif not run.failed:
            ledger.failed_cycles = 0
            if not ended_at - 1 <= finished_at <= min(ended_at + 1, now):
                self.broken(ledger, f"finishedAt is {run.finished_at}")
            if after.last_successful_update_at != run.finished_at:
                self.broken(ledger, "lastSuccessfulUpdateAt is not the end of the run")
            if after.last_triggered_at != before.last_triggered_at:
                self.broken(ledger, "lastTriggeredAt was changed by a success")
        else:
            last = run.attempt > len(spec.retry_delays_seconds)
            ledger.failed_cycles += last or run.error_class is ErrorClass.PERMANENT
            if not now - 1 < finished_at <= now or after.last_failed_at != run.finished_at:
                self.broken(ledger, f"a failure recorded for {run.finished_at}")
            if after.last_triggered_at is not None:
                self.broken(ledger, "lastTriggeredAt was not cleared by a failure")
            if after.last_successful_update_at != before.last_successful_update_at:
                self.broken(ledger, "a failure moved lastSuccessfulUpdateAt")
        if after.consecutive_failures != ledger.failed_cycles:
            self.broken(ledger, f"{ledger.failed_cycles} cycles failed")
        if after.last_handled_request != before.last_handled_request:
            self.broken(ledger, "a token was taken without a claim")
        told = now > self._told_service_until.get(spec.service, 0.0)
        known = ledger.fetch
        ready = "Unknown" if known is None else "False" if known.failed else "True"
        if told and spec.service in self.plugins and _ready(after)[0] != ready:
            self.broken(ledger, "Ready does not tell the outcome")
        if run.mode == "check":
            return
        if run.generation is None and ledger.claimed_generation != -1:
            if not self._suspended(ledger):
                self.broken(ledger, "the back-off was cleared without a reason")
            ledger.claimed_generation = -1

    # --- what must be next, from the record

    def _suspended(self, ledger: Ledger) -> bool:
        scheduler = self.scheduler
        return (
            ledger.integration.spec.suspend
            or (scheduler is not None and scheduler.suspend)
            or self.seconds <= self._told_all_until
        )

    def _slot(self, ledger: Ledger, recorded: Integration) -> Slot:
        """The next start by the rules, for a record without a run that goes on."""
        spec, status, run = recorded.spec, recorded.status, ledger.fetch
        plugin = self.plugins.get(spec.service)
        least = plugin.min_update_frequency_minutes if plugin is not None else 1
        every = max(spec.update_frequency_minutes or 15, least) * _MINUTE
        if run is None:
            slot = Slot(ledger.created_at - 1, 1, Trigger.SCHEDULED, Reason.PENDING)
        elif not run.failed or ledger.cleared:
            reason = Reason.FETCHED if not run.failed else Reason.PENDING
            last = status.last_successful_update_at
            due = ledger.created_at - 1 if last is None else self._at(last) + every
            slot = Slot(due, 1, Trigger.SCHEDULED, reason)
        else:
            assert run.finished_at is not None
            ended, rungs = self._at(run.finished_at), spec.retry_delays_seconds
            limited = run.error_class is ErrorClass.RATE_LIMITED
            if ledger.claimed_generation != recorded.generation:
                slot = Slot(ended, 1, Trigger.SCHEDULED, Reason.BACKING_OFF, run.mode)
            elif run.error_class is ErrorClass.PERMANENT or run.attempt > len(rungs):
                doubled = every * 2 ** (min(ledger.failed_cycles, 30) - 1)
                permanent = run.error_class is ErrorClass.PERMANENT
                reason = (run.reason if permanent else None) or Reason.FAILED
                due = ended + max(every, min(doubled, DAY))
                slot = Slot(due, 1, Trigger.SCHEDULED, reason)
            else:
                reason = Reason.RATE_LIMITED if limited else Reason.BACKING_OFF
                due = ended + rungs[run.attempt - 1]
                slot = Slot(due, run.attempt + 1, Trigger.RETRY, reason, run.mode)
        if mode := _asked(recorded, status.last_handled_request):
            at = min(slot.at, ledger.requested_at)
            slot = Slot(at, 1, Trigger.REQUESTED, slot.reason, mode)
        return replace(slot, at=max(slot.at, self._floor(run), self._floor(status.run)))

    def _floor(self, run: Run | None) -> float:
        """What nobody passes: the service's own word, and the pod of a lost run."""
        if run is None or not run.failed:
            return 0.0
        assert run.finished_at is not None
        ended = self._at(run.finished_at)
        if run.error_class is ErrorClass.LOST:
            return ended + LOST_GRACE
        limited = run.error_class is ErrorClass.RATE_LIMITED
        asked = run.retry_after_seconds if limited else None
        return 0.0 if asked is None else ended + min(asked, DAY)

    def _in_time(self, ledger: Ledger, slot: Slot, now: float, what: str) -> None:
        """I3: from the moment that it was due and nothing stood against it."""
        service = ledger.integration.spec.service
        possible = max(
            slot.at,
            ledger.excused_until,
            self.up_since,
            self._told_all_until,
            self._told_service_until.get(service, 0.0),
        )
        if now - possible <= GRACE:
            return
        crowded = max(self._full_since_left("", now), self._full_since_left(service, now))
        if now - max(possible, crowded) > GRACE:
            self.broken(ledger, f"I3: {what} {now - possible:.0f} s late, slot {slot}")
        self.seen["crowded"] += 1
        if now - possible > PATIENCE:
            self.broken(ledger, f"I3: waited {now - possible:.0f} s for a place")

    # --- places

    def _leave(self, uid: str) -> None:
        service = self._running.pop(uid, None)
        if service is not None:
            self._by_service[service] -= 1
            self._count(service)

    def _full_since_left(self, service: str, now: float) -> float:
        return now if service in self._full else self._full_until.get(service, 0.0)

    def _count(self, service: str) -> None:
        """Whether a place is left in the service and, under "", in total."""
        plugin, scheduler = self.plugins.get(service), self.scheduler
        limit = plugin.max_concurrent_fetches if plugin is not None else 0
        total = scheduler.max_concurrent_fetches if scheduler is not None else 0
        self._mark(service, self._by_service[service] >= limit)
        self._mark("", len(self._running) >= total)

    def _mark(self, service: str, full: bool) -> None:
        if full:
            self._full.add(service)
        elif service in self._full:
            self._full.discard(service)
            self._free_since(service, self.seconds)

    def _free_since(self, service: str, at: float) -> None:
        self._full_until[service] = max(at, self._full_until.get(service, 0.0))

    # --- now and then, of all

    def survey(self) -> None:
        """I3, I4: nothing is stuck, each "no" is said with its reason, and when it ends."""
        if not self.up:
            return
        for ledger in self.ledgers.values():
            self._survey(ledger)

    def _survey(self, ledger: Ledger) -> None:
        now = self.seconds
        integration = ledger.integration
        status, run, service = integration.status, integration.status.run, integration.spec.service
        news = max(
            ledger.excused_until,
            self.up_since,
            self._told_all_until,
            self._told_service_until.get(service, 0.0),
        )
        if now - news < 60 + GRACE:
            return
        for name, seen_at in ledger.strays.items():
            if now - max(seen_at, self.up_since) > GRACE:
                self.broken(ledger, f"I2: the stray {name} lives on")
        token = integration.reset_at
        if _usable(token) and token != status.last_handled_reset:
            self.broken(ledger, f"the reset {token} is not answered")
        kept = [j for j in ledger.jobs.values() if j.finished]
        if run is not None and not run.running and len(kept) > 4 + 1:
            self.broken(ledger, f"{len(kept)} finished Jobs are kept")
        _, reason = _ready(status)
        if run is not None and run.running:
            self._survey_run(ledger, run, reason, news, now)
            return
        if service not in self.plugins:
            expected = Reason.UNKNOWN_SERVICE
        elif self._suspended(ledger):
            expected = Reason.SUSPENDED
            fetch = _fetch(status)
            if fetch is not None and fetch.failed and fetch.generation is not None:
                self.broken(ledger, "suspending did not clear the back-off")
        elif self.scheduler is None:
            return
        else:
            slot = self._slot(ledger, integration)
            if slot.at <= now:
                self._in_time(ledger, slot, now, "not claimed,")
                return
            expected = slot.reason
            shown = status.next_update_at
            if shown is None or abs(self._at(shown) - slot.at) > 1:
                self.broken(ledger, f"nextUpdateAt is {shown}, not {self._day(slot.at)}")
        if reason != expected:
            self.broken(ledger, f"I3: the reason is {reason}, not {expected}")

    def _survey_run(self, ledger: Ledger, run: Run, reason: str, news: float, now: float) -> None:
        if reason != Reason.FETCHING:
            self.broken(ledger, f"the reason of a run is {reason}")
        _, ended_at = ledger.ends.get(run.number, (None, float("inf")))
        assert run.started_at is not None
        longest = max(self._at(run.started_at), self.up_since) + 3600
        if now - max(news, ended_at) > GRACE or now > longest + 300:
            self.broken(ledger, "I4: the run is over and nobody recorded it")


def _usable(token: str | None) -> bool:
    return token is not None and 0 < len(token) <= MAX_TOKEN and token.isprintable()


def _asked(integration: Integration, handled: str | None) -> str:
    """The mode that a new token asks for; empty where there is none, or none that can be meant."""
    token, mode = integration.requested_at, integration.requested_mode or "fetch"
    if not _usable(token) or token == handled or mode not in MODES:
        return ""
    if mode == "backfill":
        try:
            datetime.fromisoformat(integration.requested_since or "")
        except ValueError:
            return ""
    return mode


def _fetch(status: Status) -> Run | None:
    run = status.run
    return status.last_fetch if run is not None and run.mode == "check" else run


def _ready(status: Status) -> tuple[str, str]:
    for condition in status.conditions:
        if condition.type == "Ready":
            return condition.status, condition.reason
    return "", ""
