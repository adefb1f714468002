"""Thousands of dispatches in a row: `make soak MINUTES=30`.

A thousand Integrations that are fetched every minute. Judged by the audit log: no run may have two Jobs,
none may begin before it is due, no due time may go by without one, and the operator may not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.process import Operator

from bench import population, report
from bench.audit import OPERATOR, Request, job_creations
from bench.budgets import Metric
from bench.machine import facts
from bench.percentiles import percentile
from bench.stage import resident_megabytes, stage

FREQUENCY_SECONDS = 60
LOST_AFTER_SECONDS = 30.0
"""Whoever is dispatched later than this after its due time has lost it: the tick comes in between."""
_EARLY_SECONDS = 1.0
"""A Job so long before its due time is one too many. Due times are whole seconds."""
_LEAD_SECONDS = 15.0
_SAMPLE_SECONDS = 10.0
_TASKS = re.compile(r" checked .* (\d+) tasks alive")
# Caches and buffers fill up in the first minutes.
_WARM_SHARE = 0.2


@dataclass(frozen=True)
class Sample:
    resident_megabytes: float
    descriptors: int
    threads: int
    tasks: int


@dataclass(frozen=True)
class Verdict:
    dispatches: int
    doubles: int
    lost: int
    lateness_seconds: list[float]


def judge(requests: Sequence[Request], client: str, until: float) -> Verdict:
    """Each next Job against the end of the one before: due a frequency after it. What comes earlier, or
    again, is a double.

    The end is the last status that the Job controller wrote; a success is recorded in whole seconds, so
    its fraction is cut off. ``until``: what was due too shortly before is not judged.
    """
    jobs = job_creations(requests, client)
    ended = {
        r.name: r.ended
        for r in requests
        if r.resource == "jobs/status" and r.verb in ("update", "patch") and r.accepted
    }
    created = {job.name: job.ended for job in jobs}
    doubles = sum(count - 1 for count in Counter(job.name for job in jobs).values())
    lateness, lost = [], 0
    for name, at in ended.items():
        due_at = int(at) + FREQUENCY_SECONDS
        if name not in created or due_at + LOST_AFTER_SECONDS > until:
            continue
        following = created.get(next_name(name))
        if following is None or following - due_at > LOST_AFTER_SECONDS:
            lost += 1
        if following is not None:
            doubles += following < due_at - _EARLY_SECONDS
            lateness.append(following - due_at)
    return Verdict(len(jobs), doubles, lost, lateness)


def next_name(job: str) -> str:
    """The Job of the next run of the same Integration."""
    head, _, number = job.rpartition("-")
    return f"{head}-{int(number) + 1}"


def growth(values: Iterable[float]) -> float:
    """The median of the last fifth by that of the first fifth after the warming up."""
    steady = list(values)
    steady = steady[int(len(steady) * _WARM_SHARE) :]
    part = max(1, len(steady) // 5)
    return percentile(steady[-part:], 50) / percentile(steady[:part], 50)


def _sample(operator: Operator) -> Sample:
    """The tasks are those of the operator's own latest count."""
    process = Path(f"/proc/{operator.pid}")
    told = _TASKS.findall(operator.output())
    return Sample(
        resident_megabytes(operator.pid),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        int(told[-1]) if told else 0,
    )


def soak(count: int, minutes: float) -> tuple[Verdict, list[Sample]]:
    with stage() as on:
        minutes_each = FREQUENCY_SECONDS // 60
        on.make_integrations(count, population.SHORT, frequency_minutes=minutes_each)
        # As those of many users are: not all at one second of the minute.
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_LEAD_SECONDS)
        due_at = population.spread(count, start, FREQUENCY_SECONDS)
        on.make_due(due_at, frequency_minutes=minutes_each)
        operator = on.replica().start()
        on.wait_ready(count)
        mark, end = on.audit.mark(), time.time() + minutes * 60
        samples = []
        while time.time() < end:
            time.sleep(_SAMPLE_SECONDS)
            samples.append(_sample(operator))
        requests = on.audit.since(mark)
    return judge(requests, OPERATOR, end), samples


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--integrations", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=Path("build/bench-soak.json"))
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    verdict, samples = soak(chosen.integrations, chosen.minutes)
    figures = {
        "soakDispatches": verdict.dispatches,
        "soakDoubles": verdict.doubles,
        "soakLost": verdict.lost,
        "soakLatenessP50": percentile(verdict.lateness_seconds, 50),
        "soakLatenessP99": percentile(verdict.lateness_seconds, 99),
        "soakResidentGrowth": growth(s.resident_megabytes for s in samples),
        "soakDescriptorGrowth": growth(s.descriptors for s in samples),
        "soakThreadGrowth": growth(s.threads for s in samples),
        "soakTaskGrowth": growth(s.tasks for s in samples),
    }
    metrics = [
        Metric(name, value, chosen.integrations, 1, len(verdict.lateness_seconds))
        for name, value in figures.items()
    ]
    print(report.machine_line(facts(load)) + "\n")
    print(report.table(metrics))
    report.write_json(chosen.output, facts(load), metrics)
    series = chosen.output.with_name(f"{chosen.output.stem}-samples.json")
    series.write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")
    return 1 if verdict.doubles or verdict.lost else 0


if __name__ == "__main__":
    sys.exit(main())
