"""What the replica that holds the Lease does: take over, work the queue, tick."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from spark_operator.act import jobs, schedulers
from spark_operator.act.api import Api, ApiError, Fenced, Guard, NoAnswer
from spark_operator.decide.capacity import Candidate
from spark_operator.model import job, timestamps
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache, Entry
from spark_operator.serve.clock import Clock
from spark_operator.serve.evaluate import Evaluator
from spark_operator.serve.metrics import Metrics
from spark_operator.serve.planner import Planner
from spark_operator.serve.wakes import Wakes
from spark_operator.serve.workqueue import WorkQueue

logger = logging.getLogger(__name__)

TICK_SECONDS = 30
_TICK_LIMIT_SECONDS = 60
# Even what nothing seems to concern is looked at this often: the tick makes the whole level-triggered.
_SWEEP_SECONDS = 600
# So many writes are under way at most: where the API server is short of processors, its share for us.
WORKERS = 64
_CHUNK = 500
_NO_SCHEDULER_REMINDER_SECONDS = 300


def to_be_looked_at(entry: Entry, now: datetime, monotonic: float) -> bool:
    """Whether a tick must ask about this Integration: it is due before the next tick, a run goes on,
    or nobody looked for long.

    A run is asked about although an event tells of its end: should that ever go by unnoticed, half a
    minute is lost, and not the time until the next sweep.
    """
    run = entry.integration.status.run
    if run is not None and run.running:
        return True
    soon = entry.next_look is not None and entry.next_look <= now + timedelta(seconds=TICK_SECONDS)
    return soon or monotonic - entry.looked_at > _SWEEP_SECONDS


class Leader:
    """Its tasks live as long as the process; a gate keeps them still while another replica leads."""

    def __init__(
        self,
        *,
        api: Api,
        cache: Cache,
        clock: Clock,
        namespaces: tuple[str | None, ...],
        runner_image: str,
        identity: str,
        leading: Guard,
        metrics: Metrics,
    ) -> None:
        self._api = api
        self._cache = cache
        self._clock = clock
        self._namespaces = namespaces
        self._identity = identity
        self._leading = leading
        self._queue = WorkQueue()
        self._elected = asyncio.Event()
        self._deposed = asyncio.Event()
        self._open = asyncio.Event()
        self._tick_lock = asyncio.Lock()
        self.beat_at = 0.0
        self.tick_seconds = 0.0
        self._scopes: set[asyncio.Timeout] = set()
        self._reminded_at = float("-inf")
        self.ticked_at = clock.monotonic()
        self._wakes = Wakes(lambda uids: self.concerned(uids))
        self._admission = Admission(cache, self._queue.add)
        self._evaluator = Evaluator(
            api=api,
            cache=cache,
            clock=clock,
            admission=self._admission,
            wakes=self._wakes,
            leading=leading,
            runner_image=runner_image,
            identity=identity,
            metrics=metrics,
        )
        self._planner = Planner(
            cache=cache,
            clock=clock,
            admission=self._admission,
            evaluator=self._evaluator,
            queue=self._queue,
            wakes=self._wakes,
        )

    # --- what is measured

    @property
    def at_work(self) -> bool:
        """Whether it leads, and has taken over."""
        return self._open.is_set() and self._leading()

    @property
    def queued(self) -> int:
        """Integrations that wait for a worker."""
        return len(self._queue)

    @property
    def waiting(self) -> Mapping[str, Candidate]:
        """Integrations that are due and wait for a free place, by uid."""
        return self._admission.waiting

    # --- called from elsewhere

    def concerned(self, uids: list[str]) -> None:
        """Something about these changed, or their time has come."""
        if self._open.is_set():
            self._planner.plan(uids)

    def forget(self, uid: str) -> None:
        """The Integration is gone; its place is free."""
        self._wakes.cancel(uid)
        self._admission.forget(uid)
        self._admission.admit()

    def elected(self) -> None:
        self._deposed.clear()
        self._elected.set()

    def deposed(self) -> None:
        """Cancel what is in flight: an answer that comes after the lead is lost must move nothing."""
        self._elected.clear()
        self._open.clear()
        self._deposed.set()
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time())
        self._queue.clear()
        self._wakes.clear()
        self._admission.clear()

    async def run(self) -> None:
        """The leader's tasks, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_over())
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    # --- taking over

    async def _take_over(self) -> None:
        while True:
            await self._elected.wait()
            try:
                async with asyncio.timeout(None) as scope, self._cancellable(scope):
                    await self._list_jobs()
            except (ApiError, NoAnswer, TimeoutError) as error:
                logger.warning("jobs not listed, tried again: %s", error)
                await asyncio.sleep(1)
                continue
            if self._leading():
                # What changed while another led, or nobody, was seen and not acted upon.
                self._cache.forget_looks()
                # No tick was due before: from here on one is late.
                self.beat_at = self._clock.now().timestamp()
                self._open.set()
                await self.tick()
                await self._deposed.wait()

    async def _list_jobs(self) -> None:
        """Before the first claim: a frozen predecessor's Job that no watch told of yet is found here."""
        async for body in jobs.all_of_ours(self._api, self._namespaces):
            try:
                self._cache.put_job(job.parse(body), self._clock.monotonic())
            except Exception:
                # A defect of ours about one Job must not keep us from leading.
                logger.exception("a Job cannot be read")

    def remind(self) -> None:
        """Say from time to time that nothing can be dispatched, as long as that is so."""
        if not self._open.is_set() or self._cache.scheduler is not None:
            self._reminded_at = float("-inf")
        elif self._clock.monotonic() - self._reminded_at > _NO_SCHEDULER_REMINDER_SECONDS:
            self._reminded_at = self._clock.monotonic()
            logger.error(
                "NoScheduler: there is no Scheduler %s/%s, so nothing is dispatched; outcomes are "
                "still recorded. Make it again, for example by helm upgrade.",
                *self._cache.scheduler_key,
            )

    # --- the workers

    async def _work(self) -> None:
        while True:
            uid = await self._queue.get()
            try:
                if self._open.is_set():
                    async with asyncio.timeout(None) as scope, self._cancellable(scope):
                        await self._evaluator.evaluate(uid)
            except TimeoutError:
                logger.warning(
                    "interrupted, as the lead was lost",
                    extra={"collapse": True, **self._evaluator.about(uid)},
                )
            finally:
                self._queue.done(uid)

    def _cancellable(self, scope: asyncio.Timeout) -> "_Registered":
        return _Registered(self._scopes, scope)

    # --- the tick

    async def tick(self) -> None:
        """Evaluate all that is due now or within the coming 30 s; one tick at a time, a minute at most."""
        self.ticked_at = self._clock.monotonic()
        if not self._open.is_set() or self._tick_lock.locked():
            return
        async with self._tick_lock:
            started = self._clock.monotonic()
            try:
                async with asyncio.timeout(_TICK_LIMIT_SECONDS) as scope, self._cancellable(scope):
                    await self._plan_due()
                    self.tick_seconds = self._clock.monotonic() - started
                    if self._cache.scheduler is not None:
                        self.beat_at = self._clock.now().timestamp()
                    await self._heartbeat(self.tick_seconds)
            except (ApiError, NoAnswer, Fenced) as error:
                logger.warning("heartbeat not written: %s", error)
            except TimeoutError:
                logger.error(
                    "tick stopped: it took over %s s or lost the lead", _TICK_LIMIT_SECONDS
                )

    async def look_at_all(self) -> None:
        """Whatever was found before: when each is due must be found anew."""
        self._cache.forget_looks()
        await self.tick()

    async def _plan_due(self) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        uids = [
            uid
            for uid, entry in list(self._cache.integrations.items())
            if to_be_looked_at(entry, now, monotonic)
        ]
        if len(uids) <= _CHUNK:
            self._planner.plan(uids)
            return
        # All are asked before places are given out, but the loop gets its turns in between.
        for at in range(0, len(uids), _CHUNK):
            self._planner.look(uids[at : at + _CHUNK])
            await asyncio.sleep(0)
        self._admission.admit()

    async def _heartbeat(self, seconds: float) -> None:
        scheduler = self._cache.scheduler
        if scheduler is None:
            return
        total, by_service = self._count()
        logger.info(
            "checked %s integrations in %.3f s, %s tasks alive",
            total["total"],
            seconds,
            len(asyncio.all_tasks()),
        )
        await schedulers.write_status(
            self._api,
            scheduler,
            {
                "lastCheckAt": timestamps.dump(self._clock.now()),
                "leader": self._identity,
                "lastCheckSeconds": round(seconds, 3),
                "counts": total,
                # A merge patch keeps what it does not name: services that went are nulled.
                "byService": {**dict.fromkeys(scheduler.reported_services), **by_service},
            },
        )

    def _count(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """In all, and by service."""
        known = [entry.integration for entry in self._cache.integrations.values()]
        counts = {
            "total": Counter(i.spec.service for i in known),
            "due": Counter(c.service for c in self._admission.waiting.values()),
            "fetching": Counter(self._cache.running.values()),
            "failing": Counter(i.spec.service for i in known if i.status.failing),
            "suspended": Counter(i.spec.service for i in known if i.spec.suspend),
        }
        return (
            {name: count.total() for name, count in counts.items()},
            {
                service: {name: count[service] for name, count in counts.items()}
                for service in sorted(counts["total"])
            },
        )


class _Registered:
    """Keeps a timeout scope where ``deposed`` finds it."""

    def __init__(self, scopes: set[asyncio.Timeout], scope: asyncio.Timeout) -> None:
        self._scopes = scopes
        self._scope = scope

    async def __aenter__(self) -> None:
        self._scopes.add(self._scope)

    async def __aexit__(self, *_: object) -> None:
        self._scopes.discard(self._scope)
