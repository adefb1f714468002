"""`make bench`: the operator beside what a user would take instead, on one machine in one run.

    python -m bench --quick                          # small numbers, held against bench/ranges.yaml
    python -m bench --page docs/performance.md       # all, and the page is written anew
    python -m bench --only rest --sizes 1000         # one part, to look at a change

Exit status 1: a whole quick run lies outside the ranges.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import dispatch, figures, ranges, report, rest, steady
from bench.budgets import Metric
from bench.figures import AtOnce
from bench.machine import facts
from bench.rest import Rest
from bench.steady import Steady

PARTS = ("at-once", "spread", "rest")


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``ends``: of the leader by each signal, with the most Integrations."""

    sizes: Sequence[int]
    replicas: Sequence[int]
    spread_sizes: Sequence[int]
    spread_seconds: float
    rest_sizes: Sequence[int]
    rest_seconds: float
    forces: int
    ends: int


FULL = Plan((100, 1000, 10_000), (1, 2), (1000,), 60, (100, 1000, 10_000), 120, 200, 30)
QUICK = Plan((200,), (1,), (200,), 20, (1000,), 20, 20, 1)


@dataclass
class Results:
    at_once: list[AtOnce] = field(default_factory=list)
    spread: list[tuple[int, int, Steady]] = field(default_factory=list)
    rest: list[tuple[int, int, Rest]] = field(default_factory=list)

    def metrics(self) -> list[Metric]:
        found = [metric for one in self.at_once for metric in one.metrics()]
        for count, replicas, measured in self.spread:
            found += figures.of_steady(measured, count, replicas)
        for count, replicas, at_rest in self.rest:
            found += figures.of_rest(at_rest, count, replicas)
        return found

    def plots(self) -> dict[str, str]:
        return figures.plots(
            self.at_once,
            [measured for _, _, measured in self.spread],
            [(count, at_rest) for count, _, at_rest in self.rest],
        )


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def measure_at_once(count: int, plan: Plan, results: Results) -> None:
    this = AtOnce(count)
    results.at_once.append(this)

    def bare() -> None:
        this.bare.append(dispatch.bare(count))
        say(f"{count} at once, bare client: {this.bare[-1].per_second:.0f}/s")

    bare()
    for replicas in plan.replicas:
        this.ours[replicas] = dispatch.ours(count, replicas)
        say(f"{count} at once, replicas: {replicas}: {this.ours[replicas].per_second:.0f}/s")
    this.cron_jobs = dispatch.cron_jobs(count)
    say(f"{count} at once, CronJob controller: {this.cron_jobs.per_second:.0f}/s")
    bare()


def measure_spread(count: int, plan: Plan, results: Results) -> None:
    for replicas in plan.replicas:
        measured = steady.spread(count, plan.spread_seconds, replicas)
        results.spread.append((count, replicas, measured))
        say(f"{count} spread, replicas: {replicas}: p99 {measured.late(99):.3f} s late")


def measure_rest(count: int, plan: Plan, results: Results) -> None:
    ends = plan.ends if count == max(plan.rest_sizes) else 0
    measured = rest.measure(
        count, 2, window_seconds=plan.rest_seconds, forces=plan.forces, ends=ends
    )
    results.rest.append((count, 2, measured))
    say(f"{count} at rest: {measured.leader.cpu_percent:.2f} % of a core")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, held against ranges")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--sizes", help="how many Integrations, for example 100,1000")
    parser.add_argument("--ends", type=int, help="how often the leader ends by each signal")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--page", type=Path, help="write table and plots into this page")
    return parser.parse_args()


def chosen_plan(chosen: argparse.Namespace) -> Plan:
    plan = QUICK if chosen.quick else FULL
    sizes = tuple(int(text) for text in chosen.sizes.split(",")) if chosen.sizes else None
    return Plan(
        sizes or plan.sizes,
        plan.replicas,
        sizes or plan.spread_sizes,
        plan.spread_seconds,
        sizes or plan.rest_sizes,
        plan.rest_seconds,
        plan.forces,
        plan.ends if chosen.ends is None else chosen.ends,
    )


def main() -> int:
    chosen = arguments()
    plan = chosen_plan(chosen)
    parts: dict[str, tuple[Sequence[int], Callable[[int, Plan, Results], None]]] = {
        "at-once": (plan.sizes, measure_at_once),
        "spread": (plan.spread_sizes, measure_spread),
        "rest": (plan.rest_sizes, measure_rest),
    }
    results, began, load = Results(), time.monotonic(), os.getloadavg()[0]
    for name in chosen.only or PARTS:
        sizes, measure = parts[name]
        for count in sizes:
            measure(count, plan, results)
            # As soon as there is something: a full run takes an hour, and may be broken off.
            report.write_json(chosen.output, facts(load), results.metrics())
    metrics = results.metrics()
    print(report.machine_line(facts(load)) + "\n")
    print(report.table(metrics))
    if chosen.page:
        folder = chosen.page.with_suffix("")
        folder.mkdir(exist_ok=True)
        plots = results.plots()
        for file, drawn in plots.items():
            (folder / file).write_text(drawn)
        report.write_page(
            chosen.page, facts(load), metrics, [f"{folder.name}/{file}" for file in plots]
        )
    say(f"took {time.monotonic() - began:.0f} s; figures in {chosen.output}")
    if not chosen.quick or chosen.only:
        return 0
    told = ranges.broken(ranges.load(), metrics)
    for line in told:
        print(f"out of range: {line}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
