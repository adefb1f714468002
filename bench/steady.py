"""Due times spread over a while: how late each Job is, and what a fetch costs in requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.waiting import until

from bench import audit, population
from bench.audit import OPERATOR, integration_of, job_creations
from bench.percentiles import percentile
from bench.stage import Stage, patience, stage, wait_until


@dataclass(frozen=True)
class Steady:
    """The CPU, by process, is that of one whole fetch: claim, Job, what its watches tell, outcome, pruning."""

    lateness_seconds: list[float]
    writes_per_fetch: float
    writes_per_fetch_of_all: float
    pod_reads_per_fetch: float
    requests: dict[str, int]
    cpu_milliseconds: dict[str, float]

    def late(self, rank: float) -> float:
        return percentile(self.lateness_seconds, rank)


def spread(count: int, seconds: float, replicas: int) -> Steady:
    """The second fetch of each: its record is complete, and the Job of the first is pruned after it."""
    with stage() as on:
        on.make_integrations(count, population.SHORT)
        on.start_replicas(replicas, count)
        until(lambda: _succeeded(on) == count, patience(count), "the first fetches did not end")
        on.wait_settled(count)
        now = datetime.now(UTC).replace(microsecond=0)
        start = now + timedelta(seconds=15 + count // 40)
        due_at = population.spread(count, start, seconds)
        on.make_due(due_at)
        on.wait_settled(count)
        if datetime.now(UTC) > start:
            raise AssertionError(f"{count} were not prepared before the first was due")
        mark = on.audit.mark()
        before = on.cpu_seconds()
        wait_until(start.timestamp() + seconds)
        on.audit.wait_count(
            mark,
            count,
            '"verb":"delete"',
            '"resource":"jobs"',
            OPERATOR,
            limit_seconds=patience(count),
        )
        used = on.cpu_milliseconds_each(before, count)
        on.wait_settled(count)
        requests = on.audit.since(mark)
    jobs = job_creations(requests, OPERATOR)
    if sorted(integration_of(job.name) for job in jobs) != sorted(due_at):
        raise AssertionError(f"{len(jobs)} Jobs were made for {count} that were due")
    return Steady(
        [job.ended - due_at[integration_of(job.name)].timestamp() for job in jobs],
        audit.fetch_writes(requests, OPERATOR) / count,
        audit.fetch_writes(requests, audit.ANYBODY) / count,
        audit.pod_reads(requests, OPERATOR) / count,
        dict(audit.counted(requests, OPERATOR)),
        used,
    )


def _succeeded(on: Stage) -> int:
    return sum(
        body.get("status", {}).get("run", {}).get("outcome") == "Succeeded"
        for body in on.integrations()
    )
