"""The judge: from the API server's record alone, were the invariants of the design kept?

Two orders are used. What may follow what is judged by the revisions of the store, which number all
writes of all kinds exactly. How long something took is judged by when this process saw it, less the
times when nobody could have acted: while a fault kept the API server, the leader or its view away,
and while all places were taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import due
from tests.chaos.intervals import Intervals
from tests.chaos.record import GROUP, Observation

DOUBLE, LOSS, STUCK, UNTRUE, LADDER = "double", "loss", "stuck", "untrue", "ladder"
INVARIANTS = {
    DOUBLE: "I1, I2: one Job a run, one run at a time, none after its outcome, none before it is due",
    LOSS: "I3: each slot claimed in time, while a place was free and nothing forbade it",
    STUCK: "I4: each claim has its Job in time, each end of a Job its outcome",
    UNTRUE: "I4: each outcome is the Job's, with the timestamps that go with it",
    LADDER: "I5: each attempt has its number and its trigger, each failed cycle is counted",
}
# How long a stray of a frozen leader may live before its successor has deleted it.
OVERLAP_SECONDS = 10.0
# After its deadline a Job that does not end is given a minute of grace, and then deleted with its pods,
# which may take their grace period.
OVERSTAY_SECONDS = 60.0 + 15.0
# startedAt is written in whole seconds, rounded down.
ROUNDING_SECONDS = 1.0


@dataclass(frozen=True)
class Violation:
    invariant: str
    at: float
    who: str
    what: str


@dataclass
class Findings:
    violations: list[Violation] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    triggers: Counter[str] = field(default_factory=Counter)
    claims: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    overlaps: int = 0

    def of(self, *invariants: str) -> int:
        return sum(v.invariant in invariants for v in self.violations)


@dataclass
class _Run:
    """One claim and what became of it; times are when they were seen."""

    number: int
    claimed_at: float
    job_at: float | None = None
    over_at: float | None = None
    recorded_at: float | None = None


@dataclass
class _Job:
    name: str
    owner: str
    run: str
    succeeded: bool = False
    failed: bool = False
    gone: bool = False
    leaving: bool = False

    @property
    def unfinished(self) -> bool:
        return not (self.succeeded or self.failed or self.gone or self.leaving)


def audit(
    observations: Sequence[Observation],
    *,
    disturbances: Sequence[tuple[float, float]] = (),
    ended_at: float,
    tolerance_seconds: float,
) -> Findings:
    """``observations`` in the order of their revisions; ``disturbances``: when a fault kept everybody
    from acting; ``tolerance_seconds``: what a slot, or the end of a Job, may wait otherwise."""
    judge = _Judge(Intervals(disturbances), ended_at, tolerance_seconds)
    for observation in observations:
        judge.take(observation)
    judge.finish()
    judge.judge_waiting(observations)
    return judge.findings


class _Judge:
    def __init__(self, disturbed: Intervals, ended_at: float, tolerance: float) -> None:
        self._disturbed = disturbed
        self._ended_at = ended_at
        self._tolerance = tolerance
        self._bodies: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, _Run] = {}
        self._jobs: dict[str, _Job] = {}
        self._jobs_of: dict[str, list[_Job]] = defaultdict(list)
        self._overlapping: dict[str, float] = {}
        self._deleted: set[str] = set()
        self.findings = Findings()

    def _violated(self, invariant: str, at: float, who: str, what: str) -> None:
        self.findings.violations.append(Violation(invariant, at, who, what))

    def take(self, observation: Observation) -> None:
        if observation.kind == "Integration":
            self._integration(observation)
        elif observation.kind == "Job":
            self._job(observation)

    # --- Integrations

    def _integration(self, seen: Observation) -> None:
        before = self._bodies.get(seen.uid)
        if seen.deleted:
            self._bodies.pop(seen.uid, None)
            self._deleted.add(seen.uid)
            # Its Jobs go with it, and nothing more is owed.
            self._runs.pop(seen.uid, None)
            self._overlapping.pop(seen.uid, None)
            return
        self._bodies[seen.uid] = seen.body
        old = ((before or {}).get("status") or {}).get("run")
        new = (seen.body.get("status") or {}).get("run")
        if new is None or new == old:
            return
        if old is None or new["number"] != old["number"]:
            self._claim(seen, before, old, new)
        elif new["outcome"] != old["outcome"]:
            if old["outcome"] != "Running":
                what = f"run {new['number']} was {old['outcome']} and became {new['outcome']}"
                self._violated(DOUBLE, seen.seen_at, seen.name, what)
            else:
                self._outcome(seen, before or {}, new)

    def _claim(
        self,
        seen: Observation,
        before: dict[str, Any] | None,
        old: dict[str, Any] | None,
        new: dict[str, Any],
    ) -> None:
        findings, number = self.findings, new["number"]
        findings.claims.append(seen.seen_at)
        findings.triggers[new["trigger"]] += 1
        findings.checks[DOUBLE] += 1
        self._runs[seen.uid] = _Run(number, seen.seen_at)
        if number != (old["number"] if old else 0) + 1:
            what = f"run {number} follows run {old['number'] if old else 0}"
            self._violated(DOUBLE, seen.seen_at, seen.name, what)
        if old is not None and old["outcome"] == "Running":
            what = f"run {number} was claimed while run {old['number']} went on"
            self._violated(DOUBLE, seen.seen_at, seen.name, what)
            return
        # The claim was a compare-and-set upon the version before: it must have been due by that, on
        # the clock of the process that claimed.
        started_at = due.seconds(new["startedAt"]) or 0.0
        slot = due.slot(before if before is not None else seen.body, started_at)
        if before is None or slot is None:
            self._violated(DOUBLE, seen.seen_at, seen.name, f"run {number} was not to be claimed")
            return
        early = slot.at - started_at
        if early > ROUNDING_SECONDS:
            what = f"run {number} ({new['trigger']}) was claimed {early:.0f} s before it was due"
            self._violated(DOUBLE, seen.seen_at, seen.name, what)
        findings.checks[LADDER] += 1
        mode = new.get("mode", "fetch")
        if (new["attempt"], new["trigger"], mode) != (slot.attempt, slot.trigger, slot.mode):
            what = (
                f"run {number} is attempt {new['attempt']}, {new['trigger']}, {mode}; "
                f"it should be attempt {slot.attempt}, {slot.trigger}, {slot.mode}"
            )
            self._violated(LADDER, seen.seen_at, seen.name, what)
        token = before["metadata"].get("annotations", {}).get(due.REQUESTED_AT)
        if token is not None and seen.body["status"].get("lastHandledRequest") != token:
            what = f"run {number} did not take the request {token}"
            self._violated(DOUBLE, seen.seen_at, seen.name, what)

    def _outcome(self, seen: Observation, before: dict[str, Any], new: dict[str, Any]) -> None:
        findings, number = self.findings, new["number"]
        run = self._runs.get(seen.uid)
        if run is not None:
            self._in_time(
                run.over_at or run.claimed_at,
                seen.seen_at,
                seen.name,
                f"the outcome of run {number}",
                # A claim whose Job cannot be made is kept until its timeout.
                allowed=0.0 if run.over_at else float(seen.body["spec"]["timeoutSeconds"]),
            )
            run.recorded_at = seen.seen_at
        findings.checks[UNTRUE] += 1
        kind = new.get("errorClass", "Succeeded") if new["outcome"] == "Failed" else "Succeeded"
        findings.outcomes[kind] += 1
        jobs = [j for j in self._jobs_of[seen.uid] if j.run == str(number)]
        if problem := _contradiction(new, kind, jobs):
            self._violated(UNTRUE, seen.seen_at, seen.name, f"run {number}: {problem}")
        if problem := _wrong_fields(before, seen.body, new):
            self._violated(UNTRUE, seen.seen_at, seen.name, f"run {number}: {problem}")
        failures = _failures(before, seen.body, new)
        if (told := seen.body["status"].get("consecutiveFailures", 0)) != failures:
            what = f"consecutiveFailures is {told} after run {number}, not {failures}"
            self._violated(LADDER, seen.seen_at, seen.name, what)

    # --- Jobs

    def _job(self, seen: Observation) -> None:
        metadata = seen.body["metadata"]
        owner = next((o["uid"] for o in metadata.get("ownerReferences", ())), "")
        known = self._jobs.get(seen.uid)
        if known is None:
            if seen.deleted:
                return
            known = _Job(seen.name, owner, metadata["labels"].get(f"{GROUP}/run", ""))
            self._made(seen, known)
            self._jobs[seen.uid] = known
            self._jobs_of[owner].append(known)
        conditions = (seen.body.get("status") or {}).get("conditions") or ()
        kinds = {c["type"] for c in conditions if c["status"] == "True"}
        known.succeeded = known.succeeded or "Complete" in kinds
        known.failed = known.failed or "Failed" in kinds
        known.leaving = known.leaving or bool(metadata.get("deletionTimestamp"))
        known.gone = seen.deleted
        run = self._runs.get(owner)
        over = known.succeeded or known.failed or known.gone
        if over and run is not None and str(run.number) == known.run and run.over_at is None:
            run.over_at = seen.seen_at
        self._overlap(owner, seen.seen_at)

    def _made(self, seen: Observation, job: _Job) -> None:
        self.findings.checks[DOUBLE] += 1
        if job.owner in self._deleted:
            # The create was under way when its Integration was deleted: the collector takes it.
            return
        twins = [j for j in self._jobs_of[job.owner] if j.run == job.run]
        if any(not twin.gone for twin in twins):
            self._violated(DOUBLE, seen.seen_at, seen.name, f"a second Job of run {job.run}")
        run = self._runs.get(job.owner)
        if run is None or str(run.number) != job.run:
            self._violated(DOUBLE, seen.seen_at, seen.name, "a Job that nobody claimed")
            return
        if run.recorded_at is not None:
            self._violated(DOUBLE, seen.seen_at, seen.name, "a Job after its outcome was recorded")
            return
        if run.job_at is None:
            self.findings.checks[STUCK] += 1
            self._in_time(run.claimed_at, seen.seen_at, seen.name, f"the Job of run {job.run}")
        run.job_at, run.over_at = seen.seen_at, None

    def _overlap(self, owner: str, at: float) -> None:
        unfinished = sum(job.unfinished for job in self._jobs_of[owner])
        if unfinished > 1:
            if owner not in self._overlapping:
                self._overlapping[owner] = at
                self.findings.overlaps += 1
        elif (since := self._overlapping.pop(owner, None)) is not None:
            self._judge_overlap(owner, since, at)

    def _judge_overlap(self, owner: str, since: float, until: float) -> None:
        lasted = self._disturbed.outside(since, until)
        if lasted > OVERLAP_SECONDS:
            body = self._bodies.get(owner)
            name = body["metadata"]["name"] if body else owner
            self._violated(DOUBLE, since, name, f"two unfinished Jobs for {lasted:.0f} s")

    # --- time

    def _in_time(
        self, start: float, end: float, who: str, what: str, *, allowed: float = 0.0
    ) -> None:
        waited = self._disturbed.outside(start, end)
        if waited > self._tolerance + allowed:
            self._violated(STUCK, end, who, f"{what} took {waited:.0f} s")

    def finish(self) -> None:
        """What is still owed when the record ends."""
        for owner, since in self._overlapping.items():
            self._judge_overlap(owner, since, self._ended_at)
        for uid, run in self._runs.items():
            if run.recorded_at is not None:
                continue
            name = self._bodies[uid]["metadata"]["name"]
            if run.job_at is None:
                what = f"the Job of run {run.number}, still missing,"
                self._in_time(run.claimed_at, self._ended_at, name, what)
            elif run.over_at is not None:
                what = f"the outcome of run {run.number}, still missing,"
                self._in_time(run.over_at, self._ended_at, name, what)
            else:
                what = f"run {run.number}, still going on,"
                allowed = self._bodies[uid]["spec"]["timeoutSeconds"] + OVERSTAY_SECONDS
                self._in_time(run.job_at, self._ended_at, name, what, allowed=allowed)

    # --- slots

    def judge_waiting(self, observations: Sequence[Observation]) -> None:
        """I3: how long each slot waited while it could have been claimed."""
        closed, full = _closed(observations, self._ended_at), _full(observations, self._ended_at)
        excused = Intervals(self._disturbed.pairs() + closed + full)
        histories: dict[str, list[Observation]] = defaultdict(list)
        for observation in observations:
            if observation.kind == "Integration":
                histories[observation.uid].append(observation)
        for history in histories.values():
            self._slots(history, excused)

    def _slots(self, history: list[Observation], excused: Intervals) -> None:
        at, since, waited = None, 0.0, 0.0
        for index, seen in enumerate(history):
            claimed = index > 0 and _number(seen) != _number(history[index - 1])
            if claimed and at is not None and not self._disturbed.touches(since, seen.seen_at):
                self.findings.lateness.append(waited)
            end = history[index + 1].seen_at if index + 1 < len(history) else self._ended_at
            slot = None if seen.deleted or _refused(seen.body) else _present(seen)
            if slot is None:
                at = None
                continue
            if slot.at != at:
                at, since, waited = slot.at, max(seen.seen_at, slot.at), 0.0
                self.findings.checks[LOSS] += 1
            before = waited
            waited += excused.outside(max(seen.seen_at, slot.at), end)
            if before <= self._tolerance < waited:
                what = f"due for {waited:.0f} s as {slot.trigger}, and not claimed"
                self._violated(LOSS, end, seen.name, what)


def _number(seen: Observation) -> int:
    number: int = ((seen.body.get("status") or {}).get("run") or {}).get("number", 0)
    return number


def _present(seen: Observation) -> due.Slot | None:
    """The slot, unless a clock that was wrong wrote the status: then only the claim is judged."""
    status = seen.body.get("status") or {}
    run = status.get("run") or {}
    times = (due.seconds(t) for t in (status.get("lastSuccessfulUpdateAt"), run.get("finishedAt")))
    if any(t is not None and t > seen.seen_at + due.FUTURE_SECONDS for t in times):
        return None
    return due.slot(seen.body, seen.seen_at)


def _refused(body: dict[str, Any]) -> bool:
    """What the Plugin of the chaos refuses: ``number`` must be one."""
    return not isinstance(body["spec"].get("config", {}).get("number", 0), int)


def _closed(observations: Sequence[Observation], ended_at: float) -> list[tuple[float, float]]:
    """When nothing was to be dispatched at all: no Scheduler, a suspended one, or no Plugin."""
    present: dict[str, bool] = {"Scheduler": False, "Plugin": False}
    pairs: list[tuple[float, float]] = []
    since: float | None = None
    for seen in (o for o in observations if o.kind in present):
        present[seen.kind] = not seen.deleted and not seen.body["spec"].get("suspend", False)
        if all(present.values()):
            if since is not None:
                pairs.append((since, seen.seen_at))
            since = None
        elif since is None:
            since = seen.seen_at
    return pairs if since is None else [*pairs, (since, ended_at)]


def _full(observations: Sequence[Observation], ended_at: float) -> list[tuple[float, float]]:
    """When as many went on as the Scheduler or the one Plugin allows."""
    limits: dict[str, float] = {}
    going_on: set[str] = set()
    pairs: list[tuple[float, float]] = []
    since: float | None = None
    for seen in observations:
        if seen.kind in ("Scheduler", "Plugin") and not seen.deleted:
            limits[seen.kind] = seen.body["spec"]["maxConcurrentFetches"]
        elif seen.kind == "Integration":
            if not seen.deleted and due.running(seen.body):
                going_on.add(seen.uid)
            else:
                going_on.discard(seen.uid)
        full = len(going_on) >= min(limits.values(), default=float("inf"))
        if full and since is None:
            since = seen.seen_at
        elif not full and since is not None:
            pairs.append((since, seen.seen_at))
            since = None
    return pairs if since is None else [*pairs, (since, ended_at)]


def _contradiction(run: dict[str, Any], kind: str, jobs: list[_Job]) -> str:
    """What the Jobs of a run say against its outcome; empty where they agree."""
    if kind == "Succeeded":
        return "" if any(j.succeeded for j in jobs) else "Succeeded, and no Job completed"
    if kind == "lost":
        return "lost, and its Job is there" if any(j.unfinished for j in jobs) else ""
    if kind == "rejected":
        return "rejected, and its Job was made" if any(not j.gone for j in jobs) else ""
    return "" if any(j.failed for j in jobs) else f"{kind}, and no Job failed"


def _wrong_fields(before: dict[str, Any], body: dict[str, Any], run: dict[str, Any]) -> str:
    status = body["status"]
    if run.get("mode") == "check":
        of_fetches = ("lastTriggeredAt", "lastSuccessfulUpdateAt", "lastFailedAt", "lastFetch")
        changed = [f for f in of_fetches if status.get(f) != before["status"].get(f)]
        return f"a check, and {', '.join(changed)} changed" if changed else ""
    if run["outcome"] == "Failed":
        if "lastTriggeredAt" in status:
            return "failed, and lastTriggeredAt is not cleared"
        return "" if status.get("lastFailedAt") else "failed, and lastFailedAt is missing"
    if status.get("lastTriggeredAt") != before["status"].get("lastTriggeredAt"):
        return "succeeded, and lastTriggeredAt changed"
    # A clock that was set back meanwhile makes a run end before it began.
    if (status.get("lastSuccessfulUpdateAt") or "") < min(run["startedAt"], run["finishedAt"]):
        return "succeeded, and lastSuccessfulUpdateAt is older than its start"
    return ""


def _failures(before: dict[str, Any], body: dict[str, Any], run: dict[str, Any]) -> int:
    counted: int = before["status"].get("consecutiveFailures", 0)
    if before["status"].get("lastHandledReset") != body["status"].get("lastHandledReset"):
        # The reset was answered with the record.
        counted = 0
    if run.get("mode") == "check":
        return counted
    if run["outcome"] == "Succeeded":
        return 0
    delays = body["spec"].get("retryDelaysSeconds", due.DEFAULT_RETRY_DELAYS)
    ended: bool = run["errorClass"] == "permanent" or run["attempt"] > len(delays)
    return counted + ended
