"""One look at all Integrations for a scrape, in slices, so that the loop gets its turns in between.

What an Integration adds is kept until it or its Plugin changes: of ten thousand a few have changed since
the last scrape, and the others cost two comparisons. Each survey starts a new memory, so that of what
was deleted nothing is left.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from spark_operator.decide import conditions, freshness, schedule
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import Reason
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock
from spark_operator.serve.metrics import PREFIX, UNKNOWN

# Some milliseconds the first time, well under one afterwards.
_SLICE = 500
_REASONS = {reason.value for reason in Reason}
_STATUSES = ("True", "False", "Unknown")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one Integration adds. Moments are in seconds of Unix time; the lines end with a newline."""

    version: int
    plugin_version: int
    service: str
    reason: str
    suspended: bool
    failing: bool
    stale_at: float
    limited_until: float
    last_success: bytes
    next_run: bytes
    conditions: bytes


@dataclass(slots=True)
class Findings:
    """Of all Integrations: counts by service, and the lines of each of them.

    ``failing`` and ``stale`` leave out what somebody has suspended.
    """

    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    stale: Counter[str] = field(default_factory=Counter)
    limited_until: dict[str, float] = field(default_factory=dict)
    last_success: list[bytes] = field(default_factory=list)
    next_run: list[bytes] = field(default_factory=list)
    conditions: list[bytes] = field(default_factory=list)

    def add(self, seen: Seen, now: float) -> None:
        service = seen.service
        self.reasons[service, seen.reason] += 1
        if not seen.suspended:
            self.failing[service] += seen.failing
            self.stale[service] += now > seen.stale_at
        if seen.limited_until > self.limited_until.get(service, 0.0):
            self.limited_until[service] = seen.limited_until
        self.last_success.append(seen.last_success)
        self.next_run.append(seen.next_run)
        self.conditions.append(seen.conditions)


class Survey:
    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._lock = asyncio.Lock()

    async def findings(self) -> Findings:
        """One survey at a time: two scrapers must not halve each other's turns of the loop."""
        async with self._lock:
            return await self._look()

    async def _look(self) -> Findings:
        found, seen_now = Findings(), dict[str, Seen]()
        uids = list(self._cache.integrations)
        for at in range(0, len(uids), _SLICE):
            now = self._clock.now()
            seconds = now.timestamp()
            for uid in uids[at : at + _SLICE]:
                entry = self._cache.integrations.get(uid)
                if entry is None:
                    continue
                seen = self._one(uid, entry.integration, now)
                seen_now[uid] = seen
                found.add(seen, seconds)
            await asyncio.sleep(0)
        self._seen = seen_now
        return found

    def _one(self, uid: str, integration: Integration, now: datetime) -> Seen:
        plugin = self._cache.plugins.get(integration.spec.service)
        plugin_version = plugin.resource_version if plugin is not None else -1
        before = self._seen.get(uid)
        if (
            before is not None
            and before.version == integration.resource_version
            and before.plugin_version == plugin_version
        ):
            return before
        return _look_at(integration, plugin, now)


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return moment.timestamp() if moment is not None else otherwise


def _look_at(integration: Integration, plugin: Plugin | None, now: datetime) -> Seen:
    status, spec = integration.status, integration.spec
    ready = status.condition(conditions.READY)
    # Whoever may write a status may write nonsense into it, which must not become labels.
    reason = Reason.PENDING.value if ready is None else ready.reason
    labels = f'namespace="{integration.namespace}",name="{integration.name}"'

    def line(metric: str, moment: datetime | None) -> bytes:
        if moment is None:
            return b""
        return f"{PREFIX}_{metric}{{{labels}}} {moment.timestamp():.0f}\n".encode()

    told = [
        f'{PREFIX}_condition{{{labels},type="{type_}",status="{condition.status}"}} 1\n'
        for type_ in conditions.TYPES
        if (condition := status.condition(type_)) is not None and condition.status in _STATUSES
    ]
    return Seen(
        version=integration.resource_version,
        plugin_version=plugin.resource_version if plugin is not None else -1,
        service=plugin.name if plugin is not None else UNKNOWN,
        reason=reason if reason in _REASONS else UNKNOWN,
        suspended=spec.suspend,
        failing=status.failing,
        stale_at=_seconds(freshness.stale_at(integration, plugin, now), float("inf")),
        limited_until=_seconds(schedule.rate_limited_until(status, now), 0.0),
        last_success=line("last_success_timestamp_seconds", status.last_successful_update_at),
        next_run=line("next_run_timestamp_seconds", status.next_update_at),
        conditions="".join(told).encode(),
    )
