"""The whole process: watches in every replica, and the leader's work in the one that holds the Lease."""

import asyncio
import gc
import logging
import signal
from dataclasses import dataclass
from typing import Any

import kopf
from kopf._cogs.clients.errors import APIError

from spark_operator.act import objects
from spark_operator.act.api import Api, ApiError, NoAnswer
from spark_operator.serve import exposition, handlers
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock
from spark_operator.serve.connection import Connection
from spark_operator.serve.elector import Elector, Terms
from spark_operator.serve.health import health
from spark_operator.serve.intake import Intake
from spark_operator.serve.jumps import Jumps
from spark_operator.serve.leader import TICK_SECONDS, Leader
from spark_operator.serve.listener import PortTaken
from spark_operator.serve.metrics import Metrics
from spark_operator.serve.relist import relist
from spark_operator.serve.storage import OnlyOfSchedulers
from spark_operator.serve.survey import Survey

logger = logging.getLogger(__name__)

_RELIST_SECONDS = 600.0
_CACHE_RESTS_SECONDS = 0.2
_CACHE_RESTS_TRIES = 50
_GARBAGE_SECONDS = 20.0
_PULSE_SECONDS = 1.0
_STUCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """``namespaces`` empty means all. ``lease`` and ``scheduler`` are (namespace, name)."""

    scheduler: tuple[str, str]
    lease: tuple[str, str]
    runner_image: str
    identity: str
    namespaces: tuple[str, ...] = ()
    health_port: int = 8080
    metrics_port: int = 8081
    terms: Terms = Terms()  # noqa: RUF009


class Service:
    def __init__(
        self, options: Options, connection: Connection, clock: Clock, metrics: Metrics
    ) -> None:
        self._options = options
        self._connection = connection
        self._clock = clock
        self._session = connection.session()
        self._api = Api(self._session, connection.server, lambda: self._elector.leading())
        self._namespaces: tuple[str | None, ...] = options.namespaces or (None,)
        self._cache = Cache(options.scheduler)
        self._whole = asyncio.Event()
        self._stop = asyncio.Event()
        self._ending = False
        self._beat = clock.monotonic()
        self._leader = Leader(
            api=self._api,
            cache=self._cache,
            clock=clock,
            namespaces=self._namespaces,
            runner_image=options.runner_image,
            identity=options.identity,
            leading=lambda: self._elector.leading(),
            metrics=metrics,
        )
        self._elector = Elector(
            api=self._api,
            clock=clock,
            namespace=options.lease[0],
            name=options.lease[1],
            identity=options.identity,
            on_lead=self._leader.elected,
            on_lose=self._leader.deposed,
            terms=options.terms,
        )
        self._intake = Intake(
            cache=self._cache,
            clock=clock,
            concerned=self._leader.concerned,
            forget=self._leader.forget,
        )
        shown = exposition.Exposition(
            metrics=metrics,
            cache=self._cache,
            leader=self._leader,
            survey=Survey(self._cache, clock),
        )
        self._listeners = (
            health(port=options.health_port, alive=self._alive, ready=self._ready),
            exposition.listener(port=options.metrics_port, exposition=shown),
        )

    async def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises LeadTaken where another replica took the Lease from us, PortTaken.
        """
        self._take_signals()
        asyncio.get_running_loop().set_exception_handler(self._unheard)
        try:
            for listener in self._listeners:
                await listener.start()
        except PortTaken:
            await self._close_listeners()
            await self._session.close()
            await self._connection.close()
            raise
        # All of ours exist before kopf starts: when kopf ends it cancels whatever was created after.
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(self._pulse(), name="pulse"),
            asyncio.create_task(self._mind_the_clock(), name="clock"),
            asyncio.create_task(_collect_garbage(), name="garbage"),
            asyncio.create_task(self._leader.run(), name="leader"),
            asyncio.create_task(self._keep_whole(), name="relist"),
            asyncio.create_task(self._compete(), name="elector"),
            asyncio.create_task(self._watch(), name="watches"),
        ]
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end([stop, *tasks])
        for task in done - {stop}:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _end(self, tasks: "list[asyncio.Task[object]]") -> None:
        """The Lease first: a successor waits for nothing else, and kopf takes its time to end."""
        for task in tasks:
            if task.get_name() != "watches":
                task.cancel()
        await asyncio.gather(
            *(t for t in tasks if t.get_name() != "watches"), return_exceptions=True
        )
        await self._elector.release()
        await self._close_listeners()
        self._ending = True
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1)
        await self._session.close()
        await self._connection.close()

    async def _close_listeners(self) -> None:
        for listener in self._listeners:
            await listener.stop()

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What failed in a task that nobody waits for, which asyncio reports with a stack.

        Of two kinds it would only make whoever reads the log wonder: watches of kopf that were refused,
        which were told of and begun anew; and those that complain of being closed half way at an
        ordinary stop.
        """
        refused = isinstance(context.get("exception"), APIError)
        if not (refused or (self._ending and "asyncgen" in context)):
            loop.default_exception_handler(context)

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    # --- the tasks

    async def _pulse(self) -> None:
        while True:
            self._beat = self._clock.monotonic()
            self._leader.remind()
            await asyncio.sleep(_PULSE_SECONDS)

    async def _mind_the_clock(self) -> None:
        jumps = Jumps(self._clock)
        while True:
            await asyncio.sleep(_PULSE_SECONDS)
            if jump := jumps.since_last():
                logger.warning("the wall clock moved by %+.0f s: all is looked at again", jump)
                await self._leader.look_at_all()

    async def _compete(self) -> None:
        # A leader with half a cache would call services unknown whose Plugins it has not seen yet.
        await self._whole.wait()
        await self._elector.run()

    async def _keep_whole(self) -> None:
        """Relist until the cache holds all that exists, then every ten minutes against ghosts."""
        delay = 0.1
        while True:
            await asyncio.sleep(delay)
            if not self._whole.is_set():
                await self._cache_rests()
            try:
                whole = await relist(self._api, self._cache, self._namespaces, self._intake.ghost)
            except (ApiError, NoAnswer) as error:
                logger.debug("not listed: %s", error)
                whole = False
            if whole and not self._whole.is_set():
                logger.info("caches are whole: %s integrations", len(self._cache.integrations))
                # They live as long as their objects: no collection needs to walk over them again.
                gc.collect()
                gc.freeze()
                self._whole.set()
            delay = _RELIST_SECONDS if whole else min(delay * 2, 2.0)

    async def _cache_rests(self) -> None:
        """Until the watches bring nothing new for a moment, but not for long: they list thousands at
        first, and to list these a second time meanwhile would only hold that up. Somebody may make
        new ones all the time, which is no reason not to begin."""
        known = -1
        for _ in range(_CACHE_RESTS_TRIES):
            before, known = known, len(self._cache.integrations)
            if known == before:
                return
            await asyncio.sleep(_CACHE_RESTS_SECONDS)

    async def _watch(self) -> None:
        """kopf, again and again: a watch that it cannot go on with ends it, but not the process."""
        while True:
            await self._served()
            try:
                await self._kopf()
            except APIError as refused:
                logger.warning("watches ended, started again: %s", refused)
            except Exception:
                logger.exception("watches ended, started again")
            await asyncio.sleep(1)

    async def _kopf(self) -> None:
        registry = handlers.register(
            intake=self._intake,
            connection=self._connection,
            scheduler_key=self._options.scheduler,
            scheduler_uid=lambda: self._cache.scheduler.uid if self._cache.scheduler else None,
            tick=self._leader.tick,
        )
        ours = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=handlers.settings(),
            memories=OnlyOfSchedulers(),
            standalone=True,
            clusterwide=not self._options.namespaces,
            namespaces=self._options.namespaces,
        )
        # kopf has taken the signals by now. Its way to stop takes seconds, and the Lease would be
        # held meanwhile; taken back, they lead to ours.
        self._take_signals()
        for task in tasks:
            task.add_done_callback(lambda _: _cancel_watchers(ours))
        await kopf.run_tasks(tasks, ignored=ours)

    async def _served(self) -> None:
        """Wait for our kinds: kopf looks once for what the API server serves, and never again."""
        told: object = None
        delay = 0.5
        while True:
            try:
                missing = await objects.missing_kinds(self._api)
                if not missing:
                    return
                problem = f"the CRDs of {', '.join(missing)} are not installed"
            except (ApiError, NoAnswer) as error:
                problem = f"the API server does not answer: {error}"
            if problem != told:
                logger.warning("waiting: %s", problem)
                told = problem
            await asyncio.sleep(delay)
            delay = min(delay * 2, 3.0)

    # --- health

    def _alive(self) -> str:
        """The loop moves, and so does the tick where there is a Scheduler to carry it."""
        now = self._clock.monotonic()
        if now - self._beat > _STUCK_SECONDS:
            return f"the loop stood still for {now - self._beat:.0f} s"
        silence = now - self._leader.ticked_at
        if self._cache.scheduler is not None and silence > 10 * TICK_SECONDS:
            return f"no tick for {silence:.0f} s"
        return ""

    def _ready(self) -> str:
        return "" if self._whole.is_set() else "the caches are not whole yet"


async def _collect_garbage() -> None:
    """kopf's events lie in cycles with their objects. Those that outlive two collections of the young
    would wait for one of all, which Python puts off while the memory grows."""
    while True:
        await asyncio.sleep(_GARBAGE_SECONDS)
        gc.collect()


def _cancel_watchers(ours: set[asyncio.Task[object]]) -> None:
    """One of kopf's main tasks has ended, so kopf ends: its watchers must end before the rest does.

    Where one watcher fails (its list was answered with an error that kopf does not try again), the
    others are left to live. kopf cancels them later together with what pauses them, and then they take
    the cancellation for a pause: they go on for ever, kopf never ends, and we would lead with no watch.
    """
    for task in asyncio.all_tasks() - ours:
        if task.get_name().startswith("watcher for ") and not task.cancelling():
            task.cancel()
