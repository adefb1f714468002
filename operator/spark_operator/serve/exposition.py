"""/metrics: what was counted, what stands now, and three series for each Integration.

All of it is sent in pieces, each the work of a millisecond or so. What concerns the Integrations comes
from the leader alone: two replicas that tell the same would make two series of each.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from spark_operator.model.status import Reason
from spark_operator.serve.cache import Cache
from spark_operator.serve.leader import Leader
from spark_operator.serve.listener import Listener
from spark_operator.serve.metrics import PREFIX, UNKNOWN, Metrics
from spark_operator.serve.survey import Findings, Survey

logger = logging.getLogger(__name__)

_LINES = 500
_HEADER = "# HELP {name} {help}\n# TYPE {name} gauge\n"

PER_INTEGRATION = {
    "last_success_timestamp_seconds": "When an Integration's data was last brought up to date.",
    "next_run_timestamp_seconds": (
        "When the next run of an Integration starts; absent while one goes on or nothing is to start."
    ),
    "condition": "The conditions of an Integration: 1 for the status that each has.",
}


class _Only:
    """One metric, as a registry that holds nothing else: the library formats whole registries only."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def _formatted(metric: Metric) -> bytes:
    return generate_latest(_Only(metric))


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _by_service(name: str, text: str, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=("service",))
    for service, value in sorted(values.items()):
        metric.add_metric((service,), value)
    return metric


class Exposition:
    def __init__(self, *, metrics: Metrics, cache: Cache, leader: Leader, survey: Survey) -> None:
        self._metrics = metrics
        self._cache = cache
        self._leader = leader
        self._survey = survey

    async def pieces(self) -> AsyncIterator[bytes]:
        """The text format, piece by piece; the caller lets the loop go on between them."""
        self._metrics.keep(self._cache.plugins)
        if self._leader.at_work:
            for service in list(self._cache.plugins):
                self._metrics.expect(service)
                await asyncio.sleep(0)
        for metric in self._metrics.registry.collect():
            yield _formatted(metric)
        for metric in self._of_this_replica():
            yield _formatted(metric)
        if not self._leader.at_work:
            return
        found = await self._survey.findings()
        for metric in (*self._of_the_leader(), *self._of_services(found)):
            yield _formatted(metric)
        for piece in self._of_integrations(found):
            yield piece

    def _of_this_replica(self) -> Iterable[Metric]:
        at_work = self._leader.at_work
        yield _gauge("leader", "Whether this replica leads, and dispatches.", float(at_work))

    def _of_the_leader(self) -> Iterable[Metric]:
        leader, scheduler = self._leader, self._cache.scheduler
        yield _gauge(
            "scheduler_heartbeat_timestamp_seconds",
            "When the last tick has looked at all that is due, or the lead was taken.",
            leader.beat_at,
        )
        yield _gauge(
            "tick_duration_seconds", "How long the last tick took to look.", leader.tick_seconds
        )
        yield _gauge(
            "scheduler_exists",
            "Whether the Scheduler of this installation exists; nothing is dispatched without it.",
            float(scheduler is not None),
        )
        yield _gauge(
            "max_concurrent_fetches",
            "How many fetches may go on at once, by the Scheduler.",
            scheduler.max_concurrent_fetches if scheduler is not None else 0,
        )
        yield _gauge(
            "queue_depth", "Integrations that wait for a worker of the operator.", leader.queued
        )

    def _service(self, name: str) -> str:
        return name if name in self._cache.plugins else UNKNOWN

    def _of_services(self, found: Findings) -> Iterable[Metric]:
        plugins = self._cache.plugins
        none = dict.fromkeys((*plugins, UNKNOWN), 0.0)
        running = Counter(self._service(s) for s in self._cache.running.values())
        waiting = Counter(self._service(c.service) for c in self._leader.waiting.values())
        yield _by_service("service_inflight", "Runs that go on.", {**none, **running})
        yield _by_service("waiting", "Due, and waiting for a free place.", {**none, **waiting})
        yield _by_service(
            "service_max_concurrent_fetches",
            "How many fetches of a service may go on at once, by its Plugin.",
            {name: plugin.max_concurrent_fetches for name, plugin in plugins.items()},
        )
        yield _by_service(
            "service_rate_limited_until_timestamp_seconds",
            "Until when the service asked some Integration to wait; 0 where it did not.",
            {**none, **found.limited_until},
        )
        yield _by_service(
            "failing",
            "Integrations, not suspended, whose last attempt failed.",
            {**none, **found.failing},
        )
        yield _by_service(
            "stale",
            "Integrations, not suspended, whose last success is older than three times their frequency.",
            {**none, **found.stale},
        )
        reasons = GaugeMetricFamily(
            f"{PREFIX}_ready_reason",
            "Integrations by the reason of their Ready condition.",
            labels=("service", "reason"),
        )
        for service in sorted(none):
            for reason in Reason:
                reasons.add_metric((service, reason), found.reasons[service, reason])
            if odd := found.reasons[service, UNKNOWN]:
                reasons.add_metric((service, UNKNOWN), odd)
        yield reasons

    def _of_integrations(self, found: Findings) -> Iterable[bytes]:
        lines = (found.last_success, found.next_run, found.conditions)
        for (name, text), of_each in zip(PER_INTEGRATION.items(), lines, strict=True):
            yield _HEADER.format(name=f"{PREFIX}_{name}", help=text).encode()
            for at in range(0, len(of_each), _LINES):
                yield b"".join(of_each[at : at + _LINES])


def listener(*, port: int, exposition: Exposition) -> Listener:
    """On a port of its own, so that what may read metrics need not reach anything else."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_LATEST})
        try:
            await response.prepare(request)
            async for piece in exposition.pieces():
                await response.write(piece)
                # A write to a reader that keeps up does not wait for anything.
                await asyncio.sleep(0)
            await response.write_eof()
        except ConnectionResetError:
            # The reader's patience is over. It knows, and whoever asks it sees its target as down.
            logger.debug("a scrape was given up by its reader")
        return response

    return Listener(port=port, flag="--metrics-port", paths={"/metrics": answer})
