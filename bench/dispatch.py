"""So many due at one moment: how fast their Jobs are made by us, a bare client, and CronJobs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench import population
from bench.audit import BARE, CRONJOBS, OPERATOR, Request, job_creations
from bench.percentiles import percentile
from bench.stage import Stage, patience, peak_megabytes, stage, wait_until

CONNECTIONS = 16
"""Of a bare client that is no greedier than most: client-go's controllers have 10 to 20 workers."""
_LEAD_SECONDS = 10
_LEAD_SECONDS_EACH = 0.015


class NotPrepared(Exception):
    """The machine is slower than was thought: the moment at which all are due has come too soon."""


@dataclass(frozen=True)
class Burst:
    """``lateness_seconds``: when each Job existed, from the moment on at which all were due.

    The CPU, by process, is that of one dispatch with what follows from it until the last Job exists.
    """

    lateness_seconds: list[float]
    cpu_milliseconds: dict[str, float]
    operator_peak_megabytes: float | None = None

    @property
    def per_second(self) -> float:
        return len(self.lateness_seconds) / max(self.lateness_seconds)

    def late(self, rank: float) -> float:
        return percentile(self.lateness_seconds, rank)


def _lateness(jobs: list[Request], due_at: float, count: int) -> list[float]:
    if len({job.name for job in jobs}) != len(jobs) or len(jobs) != count:
        raise AssertionError(f"{len(jobs)} Jobs were made for {count}")
    return [job.ended - due_at for job in jobs]


def _created(on: Stage, mark: int, count: int, client: str) -> None:
    # Two needles that a line of another kind does not have together; the parsing comes afterwards.
    on.audit.wait_count(
        mark,
        count,
        '"verb":"create"',
        '"resource":"jobs"',
        '"code":201',
        client,
        limit_seconds=patience(count),
    )


def ours(count: int, replicas: int, *, stock_limits: bool = False) -> Burst:
    """All due at one second that comes when the operator is at rest and knows them."""
    lead_seconds = _LEAD_SECONDS + _LEAD_SECONDS_EACH * count
    while True:
        try:
            return _ours(count, replicas, lead_seconds, stock_limits)
        except NotPrepared:
            lead_seconds *= 2


def _ours(count: int, replicas: int, lead_seconds: float, stock_limits: bool) -> Burst:
    with stage(stock_limits=stock_limits) as on:
        on.make_integrations(count, population.LONG)
        now = datetime.now(UTC).replace(microsecond=0)
        # Whole, as the times of a status are.
        moment = now + timedelta(seconds=int(lead_seconds))
        on.make_due({population.name(n): moment for n in range(count)})
        leader = on.start_replicas(replicas, count)
        due_at = moment.timestamp()
        if time.time() > due_at - 1:
            raise NotPrepared
        wait_until(due_at - 0.5)
        mark = on.audit.mark()
        before = on.cpu_seconds()
        _created(on, mark, count, OPERATOR)
        used = on.cpu_milliseconds_each(before, count)
        peak = peak_megabytes(leader.pid)
        jobs = job_creations(on.audit.since(mark), OPERATOR)
    lateness = _lateness(jobs, due_at, count)
    return Burst(lateness, used, peak)


def bare(count: int, connections: int = CONNECTIONS) -> Burst:
    """The same claims and Jobs by a client that decides nothing; its time begins with its first request."""
    with stage() as on:
        on.make_integrations(count, population.LONG)
        lines = [[claim, population.job_creation(job)] for claim, job in on.claims()]
        mark, before = on.audit.mark(), on.cpu_seconds()
        on.send(lines, agent=BARE, connections=connections)
        used = on.cpu_milliseconds_each(before, count)
        requests = [r for r in on.audit.since(mark) if BARE in r.client]
        jobs = job_creations(requests, BARE)
        return Burst(_lateness(jobs, requests[0].began, count), used)


def cron_jobs(count: int, *, stock_limits: bool = False) -> Burst:
    """The same Jobs by the CronJob controller, which is asked for them beforehand and knows them."""
    lead_seconds = _LEAD_SECONDS + _LEAD_SECONDS_EACH * count / 2
    while True:
        try:
            return _cron_jobs(count, lead_seconds, stock_limits)
        except NotPrepared:
            lead_seconds *= 2


def _cron_jobs(count: int, lead_seconds: float, stock_limits: bool) -> Burst:
    with stage(stock_limits=stock_limits) as on:
        on.make_integrations(count, population.LONG)
        jobs = [job for _, job in on.claims()]
        ready = datetime.now(UTC) + timedelta(seconds=lead_seconds)
        minute = ready.replace(second=0, microsecond=0) + timedelta(minutes=1)
        on.send([population.cron_job(job, minute)] for job in jobs)
        due_at = minute.timestamp()
        if time.time() > due_at - 2:
            raise NotPrepared
        wait_until(due_at - 0.5)
        mark, before = on.audit.mark(), on.cpu_seconds()
        _created(on, mark, count, CRONJOBS)
        used = on.cpu_milliseconds_each(before, count)
        made = job_creations(on.audit.since(mark), CRONJOBS)
    return Burst(_lateness(made, due_at, count), used)
