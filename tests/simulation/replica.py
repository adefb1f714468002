"""The operator without a loop: the real cache, gathering, deciding and admission, carried out at once.

Its requests may fail in every way in which a request can, and it may die before or after each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.oracle import Oracle
from tests.simulation.server import START, Agenda, Rejected, Server

from spark_operator.decide import decision as decisions
from spark_operator.decide import fetch
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.status import Run, Status
from spark_operator.serve import gather
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache, Entry
from spark_operator.serve.gather import LookUps

_MAX_STEPS = 20
# What belongs to the wait for a place, and does not end it.
_WAITING = (decisions.AskCapacity, decisions.Claim, decisions.LookUpVolumeClaim)
RETRY_SECONDS = 1.0
# After so many rests one is asked again, a little later: it must rest still.
_ASKED_AGAIN_EVERY = 61


class Crash(Exception):
    """The process is no more. ``frozen``: a create that is under way and will yet arrive."""

    def __init__(self, frozen: tuple[Integration, Run] | None = None) -> None:
        super().__init__()
        self.frozen = frozen


class NoAnswer(Exception):
    """The request was carried out, or not."""


class Faults:
    """Which of the requests go wrong, and how."""

    def __init__(self, random: Random, *, one_in: int) -> None:
        self._random = random
        self._one_in = one_in
        self._left = self._next()

    def _next(self) -> int:
        return 1 + int(self._random.expovariate(1 / self._one_in))

    def strike(self) -> str:
        self._left -= 1
        if self._left > 0:
            return ""
        self._left = self._next()
        return self._random.choice(
            ["not sent", "not sent", "answer lost", "answer lost", "crash before", "crash after"]
        )


class Replica:
    """One process that leads, from its first list to its death.

    ``guarded`` calls what may end in a crash.
    """

    def __init__(
        self,
        agenda: Agenda,
        server: Server,
        oracle: Oracle,
        faults: Faults,
        guarded: Callable[..., None],
    ) -> None:
        self._agenda = agenda
        self._server = server
        self._oracle = oracle
        self._faults = faults
        self._guarded = guarded
        self._cache = Cache(("spark", "spark"))
        # With the first step, where it was decided just now.
        self._queue: deque[tuple[str, decisions.Decision | None]] = deque()
        self._admission = Admission(self._cache, lambda uid: self._queue.append((uid, None)))
        self._wakes: dict[str, float] = {}
        self._rests = 0
        self.dead = False

    def start(self, stale: set[str]) -> None:
        """List, as a successor does; of some Integrations an earlier state than the stored one."""
        server, cache = self._server, self._cache
        for plugin in server.plugins.values():
            cache.put_plugin(plugin)
        if server.scheduler is not None:
            cache.put_scheduler(server.scheduler)
        for uid, current in server.integrations.items():
            cache.put_integration(server.earlier[uid] if uid in stale else current)
        for jobs in server.jobs.values():
            for job in jobs.values():
                cache.put_job(job, self._agenda.seconds)
        self._plan(list(cache.integrations))

    def hear(self, kind: str, deleted: bool, told: Any) -> None:
        """One watch event; which of them concern whom is the intake's rule."""
        cache = self._cache
        match kind:
            case "integration":
                if deleted:
                    cache.remove_integration(told.uid)
                    self._admission.forget(told.uid)
                    self._admission.admit()
                    self._drain()
                elif cache.put_integration(told):
                    self._plan([told.uid])
            case "job":
                if deleted:
                    cache.remove_job(told)
                    self._plan([told.owner_uid])
                elif cache.put_job(told, self._agenda.seconds):
                    self._plan([told.owner_uid])
            case "plugin":
                if deleted:
                    cache.remove_plugin(told)
                else:
                    cache.put_plugin(told)
                entries = cache.integrations.items()
                self._plan([u for u, e in entries if e.integration.spec.service == told.name])
            case "scheduler":
                if deleted:
                    cache.remove_scheduler(told)
                else:
                    cache.put_scheduler(told)
                self._plan(list(cache.integrations))

    def wake(self, uid: str, set_at: float) -> None:
        """The time of an earlier look, if no later look set another."""
        if not self.dead and self._wakes.get(uid) == set_at:
            self._guarded(self._plan, [uid])

    # --- gather → decide → act

    def _plan(self, uids: list[str]) -> None:
        """All are asked before places are given out."""
        for uid in uids:
            entry = self._cache.integrations.get(uid)
            if entry is None:
                continue
            decision = self._decide(entry, LookUps())
            if isinstance(decision, decisions.AskCapacity):
                if entry.waiting_since is None:
                    entry.waiting_since = self._agenda.now
                self._admission.wait(decision.candidate)
                self._rest_or_queue(entry, decision.otherwise)
            elif isinstance(decision, decisions.Wait):
                self._rest_or_queue(entry, decision)
            else:
                self._queue.append((uid, decision))
        self._admission.admit()
        self._drain()

    def _rest_or_queue(self, entry: Entry, wait: decisions.Wait) -> None:
        if wait.status != entry.integration.status:
            self._queue.append((entry.integration.uid, None))
        else:
            self._sleep(entry, wait.until)

    def _drain(self) -> None:
        while self._queue:
            uid, first = self._queue.popleft()
            try:
                self._steps(uid, first)
            except NoAnswer:
                self._oracle.hindered(uid, RETRY_SECONDS)
                self._wake_at(uid, self._agenda.seconds + RETRY_SECONDS)
            if self._admission.reserved(uid):
                self._admission.forget(uid)
                self._admission.admit()

    def _decide(self, entry: Entry, looked_up: LookUps) -> decisions.Decision:
        facts = gather.view(
            self._cache,
            entry,
            looked_up,
            admitted=self._admission.reserved(entry.integration.uid),
            monotonic=self._agenda.seconds,
        )
        return fetch.decide(facts, self._agenda.now)

    def _steps(self, uid: str, first: decisions.Decision | None) -> None:
        looked_up = LookUps()
        for _ in range(_MAX_STEPS):
            entry = self._cache.integrations.get(uid)
            if entry is None:
                self._admission.forget(uid)
                return
            decision, first = first or self._decide(entry, looked_up), None
            if not isinstance(decision, _WAITING):
                entry.waiting_since = None
                self._admission.forget(uid)
            if self._step(entry, decision, looked_up):
                return
        raise AssertionError(f"no rest after {_MAX_STEPS} steps: {decision}")

    def _step(self, entry: Entry, decision: decisions.Decision, looked_up: LookUps) -> bool:
        """Carry one out; whether it rests."""
        integration = entry.integration
        match decision:
            case decisions.Wait():
                return self._wait(entry, decision)
            case decisions.AskCapacity(candidate=candidate, otherwise=otherwise):
                if entry.waiting_since is None:
                    entry.waiting_since = self._agenda.now
                self._admission.wait(candidate)
                self._admission.admit()
                return not self._admission.reserved(integration.uid) and self._wait(
                    entry, otherwise
                )
            case decisions.Claim(status=status):
                if self._write(integration, status):
                    looked_up.claimed()
                entry.waiting_since = None
                self._admission.forget(integration.uid)
            case decisions.CreateJob(run=run):
                looked_up.job_absent = False
                self._create(integration, run, looked_up)
            case decisions.Record(status=status):
                if self._write(integration, status):
                    self._admission.admit()
            case decisions.LookAtPod(job=job):
                looked_up.pod = self._request(self._server.pod_report, job)
                looked_up.pod_of = job
                if not job.finished:
                    entry.pod_looks += 1
            case decisions.DeleteJobs(jobs=jobs, foreground=foreground):
                self._delete(jobs, foreground)
            case decisions.LookUpJob(name=name):
                job = self._request(self._live_job, integration.uid, name)
                known = self._cache.job_entry(integration, name)
                if job is None:
                    looked_up.job_absent = True
                    if known is not None:
                        self._cache.remove_job(known.job)
                else:
                    looked_up.job_is_live = True
                    self._cache.put_job(job, self._agenda.seconds)
            case decisions.LookUpVolumeClaim():
                looked_up.volume_claim_exists = True
            case decisions.ReadAgain():
                self._read_again(integration)
                looked_up.status_is_live = True
        return False

    def _wait(self, entry: Entry, wait: decisions.Wait) -> bool:
        if wait.status != entry.integration.status and not self._write(
            entry.integration, wait.status
        ):
            return False
        self._sleep(entry, wait.until)
        return True

    def _sleep(self, entry: Entry, until: datetime | None) -> None:
        uid = entry.integration.uid
        self._rests += 1
        if self._rests % _ASKED_AGAIN_EVERY == 0:
            self._must_rest(entry, until)
        if until is None:
            self._wakes.pop(uid, None)
        else:
            assert until > self._agenda.now, f"{uid} would spin: {until} is over"
            self._wake_at(uid, (until - START).total_seconds())

    def _wake_at(self, uid: str, seconds: float) -> None:
        # A hair later: a float that is a hair too early would ask for a wake in no time, again and again.
        seconds += 1e-5
        self._wakes[uid] = seconds
        self._agenda.at(seconds, self.wake, uid, seconds)

    def _must_rest(self, entry: Entry, until: datetime | None) -> None:
        again = self._decide(entry, LookUps())
        if isinstance(again, decisions.AskCapacity):
            again = again.otherwise
        assert isinstance(again, decisions.Wait), (entry.integration, again)
        assert again.status == entry.integration.status, (entry.integration, again)
        if until is None or again.until is None:
            assert again.until is until, (entry.integration, again)
        else:
            assert abs(again.until - until) < timedelta(seconds=0.001), (entry.integration, again)

    # --- requests

    def _request(self, act: Any, *arguments: Any) -> Any:
        fault = self._faults.strike()
        if not fault:
            return act(*arguments)
        self._oracle.seen["no answer"] += 1
        if fault == "crash before":
            self._die(None)
        if fault == "not sent":
            raise NoAnswer
        act(*arguments)
        if fault == "crash after":
            self._die(None)
        raise NoAnswer

    def _die(self, frozen: tuple[Integration, Run] | None) -> None:
        self.dead = True
        raise Crash(frozen)

    def _write(self, integration: Integration, status: Status) -> bool:
        try:
            written = self._request(self._server.write_status, integration, status)
        except NoAnswer:
            written = None
        if written is None:
            self._read_again(integration)
            return False
        self._cache.put_integration(written)
        return True

    def _read_again(self, integration: Integration) -> None:
        current = self._server.integrations.get(integration.uid)
        if current is None:
            self._cache.remove_integration(integration.uid)
        else:
            self._cache.put_integration(current)
        self._admission.admit()

    def _live_job(self, uid: str, name: str) -> Job | None:
        return self._server.jobs.get(uid, {}).get(name)

    def _create(self, integration: Integration, run: Run, looked_up: LookUps) -> None:
        plugin = self._cache.plugins.get(integration.spec.service)
        if plugin is None or self._cache.scheduler is None:
            looked_up.rejection = "its Plugin or Scheduler is gone"
            self._oracle.rejected(integration.uid, run.number)
            return
        try:
            job = self._request(self._server.create_job, integration, run)
        except Rejected as error:
            looked_up.rejection = str(error)
        except Crash:
            raise Crash((integration, run)) from None
        else:
            self._cache.put_job(job, self._agenda.seconds)

    def _delete(self, jobs: tuple[Job, ...], foreground: bool) -> None:
        for job in jobs:
            self._request(self._delete_one, job, foreground)
            current = self._server.job(job.owner_uid, job.name, job.uid)
            if foreground and current is not None:
                self._cache.put_job(current, self._agenda.seconds)
            else:
                self._cache.remove_job(job)

    def _delete_one(self, job: Job, foreground: bool) -> None:
        self._server.delete_job(job, foreground=foreground)
