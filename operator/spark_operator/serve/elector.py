"""Who leads: a Lease, held by compare-and-set, and believed for less time than others wait for it.

Source of the shape: client-go's leaderelection, with two differences. Validity is counted on
CLOCK_BOOTTIME from *before* each request was sent, so a process that slept knows at once that it
leads no more; and an API server that does not answer ends the lead, not the process.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from spark_operator.act import leases
from spark_operator.act.api import Api, ApiError, NoAnswer
from spark_operator.act.leases import Lease
from spark_operator.serve.clock import Clock

logger = logging.getLogger(__name__)

# An API server that is away for hours must not fill the log: what goes on is said this often.
_REMINDER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Terms:
    """Others wait ``lease_seconds``; the holder believes ``valid_seconds``; the gap is the safety.

    The holder renews every ``retry_seconds``. Who waits looks every ``look_seconds``: after a Lease was
    given back, or has run out, nothing is dispatched until somebody looks.
    """

    lease_seconds: int = 15
    valid_seconds: float = 10.0
    retry_seconds: float = 2.0
    look_seconds: float = 0.5


class LeadTaken(Exception):
    """Another replica holds the Lease that this one held: the process must end and start afresh."""


class Elector:
    """``on_lead`` and ``on_lose`` are called in turns; ``leading`` may turn False before ``on_lose``."""

    def __init__(
        self,
        *,
        api: Api,
        clock: Clock,
        namespace: str,
        name: str,
        identity: str,
        on_lead: Callable[[], None],
        on_lose: Callable[[], None],
        terms: Terms | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._on_lead = on_lead
        self._on_lose = on_lose
        self._terms = terms or Terms()
        self._valid_until = float("-inf")
        self._led = False
        self._told = False
        self._lease: Lease | None = None
        self._observed: tuple[str, str] | None = None
        self._observed_at = float("-inf")
        self._complained_at: float | None = None

    def leading(self) -> bool:
        return self._clock.boottime() < self._valid_until

    async def run(self) -> None:
        """Compete and renew for ever. Raises LeadTaken where another took over from this process."""
        while True:
            sent_at = self._clock.boottime()
            try:
                async with asyncio.timeout(self._patience(sent_at)):
                    await self._once(sent_at)
                self._complained_at = None
            except TimeoutError:
                self._complain("no answer in time")
            except (NoAnswer, ApiError) as error:
                self._complain(error)
            self._tell()
            await self._pause(sent_at)

    def _patience(self, now: float) -> float:
        """How long to wait for one answer: not past the end of the validity, since acts must be
        cancelled then; and half of it, as client-go does, so that after a request that hangs on a
        dead connection there is time for another.
        """
        half = max(self._terms.valid_seconds / 2, 1.0)
        return min(half, self._valid_until - now) if self._told else half

    def _complain(self, error: NoAnswer | ApiError | str) -> None:
        now = self._clock.boottime()
        if self._complained_at is None or now - self._complained_at >= _REMINDER_SECONDS:
            self._complained_at = now
            logger.warning("lease %s/%s: %s", self._namespace, self._name, error)

    async def _pause(self, sent_at: float) -> None:
        """Sleep until the next try, but not past the end of the validity: acts must be cancelled then."""
        waits = not self._told and self._complained_at is None
        due = sent_at + (self._terms.look_seconds if waits else self._terms.retry_seconds)
        while (now := self._clock.boottime()) < due:
            edge = min(due, self._valid_until) if self._told else due
            await asyncio.sleep(max(0.0, edge - now))
            self._tell()

    def _tell(self, why_not: str = "the lease could not be renewed in time") -> None:
        leading = self.leading()
        if leading and not self._told:
            self._told = self._led = True
            logger.info("leading as %s", self._identity)
            self._on_lead()
        elif not leading and self._told:
            self._told = False
            logger.warning("not leading any more: %s", why_not)
            self._on_lose()

    async def _once(self, sent_at: float) -> None:
        if self._told and self._lease is not None:
            try:
                await self._take(self._lease, sent_at)
                return
            except ApiError as error:
                if not error.conflict and not error.not_found:
                    raise
                # Somebody wrote the Lease: look who holds it.
                self._lease = None
        lease = await leases.read(self._api, self._namespace, self._name)
        if lease is None:
            await self._create(sent_at)
        elif lease.holder == self._identity or not lease.holder or self._run_out(lease):
            await self._take(lease, sent_at)
        elif self._led:
            self._valid_until = float("-inf")
            self._tell(f"{lease.holder} holds the lease")
            raise LeadTaken(lease.holder)

    def _run_out(self, lease: Lease) -> bool:
        """Whether the Lease stood unchanged for its duration, by this process's own clock alone."""
        state = (lease.holder, lease.version)
        if state != self._observed:
            self._observed, self._observed_at = state, self._clock.boottime()
            return False
        seconds = lease.duration_seconds or self._terms.lease_seconds
        return self._clock.boottime() - self._observed_at > seconds

    async def _take(self, lease: Lease, sent_at: float) -> None:
        self._lease = await leases.replace(
            self._api, lease, holder=self._identity, seconds=self._terms.lease_seconds
        )
        self._valid_until = sent_at + self._terms.valid_seconds

    async def _create(self, sent_at: float) -> None:
        self._lease = await leases.create(
            self._api,
            self._namespace,
            self._name,
            holder=self._identity,
            seconds=self._terms.lease_seconds,
        )
        self._valid_until = sent_at + self._terms.valid_seconds

    async def release(self) -> None:
        """Give the Lease back, so that a successor need not wait for it to run out.

        To be called after ``run`` was cancelled. What cannot be released runs out by itself.
        """
        held, self._lease = self._lease, None
        was_leading, self._valid_until = self.leading(), float("-inf")
        self._tell("this process stops, and gives the lease back")
        if held is None or not was_leading:
            return
        try:
            await self._give_back(held)
        except (NoAnswer, ApiError) as error:
            logger.warning("lease not released: %s", error)

    async def _give_back(self, held: Lease) -> None:
        try:
            await leases.replace(self._api, held, holder="", seconds=1)
        except ApiError as error:
            if not error.conflict:
                raise
            # A renewal that was cancelled under way may have been carried out all the same.
            lease = await leases.read(self._api, self._namespace, self._name)
            if lease is not None and lease.holder == self._identity:
                await leases.replace(self._api, lease, holder="", seconds=1)
