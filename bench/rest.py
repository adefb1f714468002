"""Many Integrations of which nothing is due: what they cost, how soon one that is asked for starts,
how soon a new process begins, and how soon the other replica goes on when the leader ends."""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.support.process import Operator
from tests.support.waiting import until

from bench import audit, population
from bench.audit import OPERATOR, integration_of, job_creations
from bench.percentiles import percentile
from bench.stage import Stage, patience, resident_megabytes, stage

_PAUSE_BETWEEN_FORCES_SECONDS = 0.25
_PULSE_SECONDS = 0.1
_FIRST_DISPATCH = re.compile(r"dispatched run .*\bjob=([^\s\]]+)")
# What is requested while replicas come and go, again and again: not the whole crowd.
_ASKED = 500
_TOUCHED = 2000
_EVENTS_ARRIVE_SECONDS = 2.0
_SCRAPES = 20


@dataclass(frozen=True)
class Idle:
    """Of one replica at rest. Requests are of all replicas together, within the whole window."""

    cpu_percent: float
    resident_megabytes: float


@dataclass
class Rest:
    start_seconds: float
    window_seconds: float
    leader: Idle
    standby: Idle | None
    requests: int
    lists: int
    event_cpu_milliseconds: float = 0.0
    scrape_cpu_milliseconds: float = 0.0
    scrape_megabytes: float = 0.0
    scrape_resident_megabytes: float = 0.0
    scrape_wait_milliseconds: float = 0.0
    scrape_no_wait_milliseconds: float = 0.0
    force_seconds: list[float] = field(default_factory=list)
    gaps_after_sigterm_seconds: list[float] = field(default_factory=list)
    gaps_after_sigkill_seconds: list[float] = field(default_factory=list)

    def forced(self, rank: float) -> float:
        return percentile(self.force_seconds, rank)


def measure(count: int, replicas: int, *, window_seconds: float, forces: int, ends: int) -> Rest:
    """``ends``: how often the leader ends by each signal; it needs two replicas."""
    with stage() as on:
        on.make_integrations(count, population.SHORT)
        # All fetched some time ago, so that nothing is due for hours.
        at = datetime.now(UTC) + timedelta(hours=12)
        on.make_due({population.name(n): at for n in range(count)})
        first = on.start_replicas(1, count)
        first.terminate()
        started = _start(on, first, count)
        for _ in range(replicas - 1):
            on.replica().start()
        on.wait_ready(count)
        on.wait_settled(count)
        result = _at_rest(on, window_seconds, started)
        result.event_cpu_milliseconds = _event_cpu(on, count)
        _scrape(on, result)
        result.force_seconds = force(on, count, forces)
        if replicas > 1:
            for _ in range(ends):
                result.gaps_after_sigterm_seconds.append(_end(on, count, by_force=False))
            for _ in range(ends):
                result.gaps_after_sigkill_seconds.append(_end(on, count, by_force=True))
        return result


def _start(on: Stage, replica: Operator, count: int) -> float:
    """From the start of a process to the first Job: one was asked for while nobody was there."""
    on.world.request(population.name(0), "start")
    mark, began = on.audit.mark(), time.time()
    replica.start()
    until(
        lambda: bool(on.audit.count(mark, '"verb":"create"', '"resource":"jobs"', OPERATOR)),
        patience(count),
        lambda: replica.output()[-1000:],
    )
    return job_creations(on.audit.since(mark), OPERATOR)[0].ended - began


def _at_rest(on: Stage, window_seconds: float, start_seconds: float) -> Rest:
    leader = on.leader()
    standbys = [one for one in on.replicas if one is not leader]
    mark, began = on.audit.mark(), time.monotonic()
    before = {one: one.cpu_seconds() for one in on.replicas}
    time.sleep(window_seconds)
    window = time.monotonic() - began

    def idle(one: Operator) -> Idle:
        used = one.cpu_seconds() - before[one]
        return Idle(100 * used / window, resident_megabytes(one.pid))

    requests, lists = audit.idle_requests(on.audit.since(mark), OPERATOR)
    return Rest(
        start_seconds,
        window,
        idle(leader),
        idle(standbys[0]) if standbys else None,
        requests,
        lists,
    )


def _event_cpu(on: Stage, count: int) -> float:
    """Of the leader, for an event of an Integration for which nothing is to be done."""
    leader, touched = on.leader(), min(count, _TOUCHED)
    used = leader.cpu_seconds()
    on.send(population.touches(on.world.namespace, touched))
    time.sleep(_EVENTS_ARRIVE_SECONDS)
    spent: float = leader.cpu_seconds() - used
    return spent * 1000 / touched


def _scrape(on: Stage, result: Rest) -> None:
    """By a Prometheus that has scraped before: what has not changed since is remembered."""
    leader = on.leader()
    on.scrape(leader, 1)
    used = leader.cpu_seconds()
    result.scrape_megabytes = on.scrape(leader, _SCRAPES)["bytes"] / 1e6
    result.scrape_cpu_milliseconds = (leader.cpu_seconds() - used) * 1000 / _SCRAPES
    result.scrape_resident_megabytes = resident_megabytes(leader.pid)
    waits = on.scrape(leader, _SCRAPES, disturbed=True)
    result.scrape_wait_milliseconds = waits["longestWaitSeconds"] * 1000
    result.scrape_no_wait_milliseconds = waits["longestWaitOtherwiseSeconds"] * 1000


def force(on: Stage, count: int, times: int) -> list[float]:
    """From the API server's receipt of each request to its Job, both by its own clock."""
    mark = on.audit.mark()
    chosen = random.sample(range(1, count), min(times, count - 1))
    for number in chosen:
        on.world.request(population.name(number), "force")
        time.sleep(_PAUSE_BETWEEN_FORCES_SECONDS)
    on.audit.wait_count(
        mark,
        len(chosen),
        '"verb":"create"',
        '"resource":"jobs"',
        OPERATOR,
        limit_seconds=patience(len(chosen)),
    )
    requests = on.audit.since(mark)
    asked = {
        r.name: r.began
        for r in requests
        if r.verb == "patch" and r.resource == "integrations" and r.accepted
    }
    jobs = job_creations(requests, OPERATOR)
    return [job.ended - asked[integration_of(job.name)] for job in jobs]


class _Pulse:
    """Asks for one fetch after another, so that there is always something for whoever leads."""

    def __init__(self, on: Stage, count: int) -> None:
        self._on, self._count = on, min(count, _ASKED)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._ended.wait(_PULSE_SECONDS):
            number = (number + 1) % self._count
            self._on.world.request(population.name(number), f"{time.time():.3f}")


def _end(on: Stage, count: int, *, by_force: bool) -> float:
    """From the signal to the leader until the first Job that the other one says it has dispatched."""
    on.wait_ready(count)
    leader = on.leader()
    successor = next(one for one in on.replicas if one is not leader)
    with _Pulse(on, count):
        mark = on.audit.mark()
        until(lambda: bool(_first_job(leader)), 30, "the leader does not dispatch")
        written = len(successor.output())
        signalled = time.time()
        if by_force:
            leader.kill()
        else:
            leader.terminate()
        until(lambda: bool(_first_job(successor, written)), 60, "the successor does not dispatch")
    first = _first_job(successor, written)
    until(
        lambda: bool(on.audit.count(mark, '"verb":"create"', '"resource":"jobs"', first)),
        30,
        f"{first} was not made",
    )
    made = next(j for j in job_creations(on.audit.since(mark), OPERATOR) if j.name == first)
    leader.start()
    return made.ended - signalled


def _first_job(replica: Operator, after: int = 0) -> str:
    """The Job of the first dispatch that it told of behind that place of its output."""
    found = _FIRST_DISPATCH.search(replica.output()[after:])
    return found.group(1) if found else ""
