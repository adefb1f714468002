"""`make bench`: the operator beside what a user would take instead, on one machine in one run.

    python -m bench --quick                          # small numbers, held against bench/ranges.yaml
    python -m bench --page docs/performance.md       # all, and the page is written anew
    python -m bench --only rest --sizes rest=1000    # one part, to look at a change

Exit status 1: a measurement failed, or a whole quick run lies outside the ranges.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.errors import RefusalError

from bench import dispatch, figures, processor, ranges, report, rest, steady
from bench.budgets import Metric
from bench.figures import AtOnce
from bench.machine import facts
from bench.rest import Rest
from bench.steady import Steady
from spark_operator.serve.leader import WORKERS

_LARGE = 1000
PARTS = ("at-once", "spread", "rest")


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``compared_sizes``: with which of the sizes beside more references, too.
    ``ends``: of the leader by each signal."""

    sizes: Sequence[int]
    replicas: Sequence[int]
    compared_sizes: Sequence[int]
    spread_sizes: Sequence[int]
    spread_seconds: float
    rest_sizes: Sequence[int]
    rest_seconds: float
    forces: int
    ends: int


FULL = Plan(
    (100, 1000, 10_000), (1, 2), (1000,), (1000, 3000), 60, (100, 1000, 10_000), 60, 200, 30
)
QUICK = Plan((200,), (1,), (), (200,), 20, (1000,), 20, 20, 1)


@dataclass
class Results:
    at_once: list[AtOnce] = field(default_factory=list)
    spread: list[tuple[int, int, Steady]] = field(default_factory=list)
    rest: list[tuple[int, int, Rest]] = field(default_factory=list)

    def metrics(self) -> list[Metric]:
        found = [metric for one in self.at_once for metric in one.metrics()]
        for count, replicas, measured in self.spread:
            found += figures.of_steady(measured, count, replicas, count > _LARGE)
        for count, replicas, at_rest in self.rest:
            found += figures.of_rest(at_rest, count, replicas)
        return found

    def processor_table(self, cores: int) -> str:
        """Of the largest number that was compared with most references."""
        compared = [one for one in self.at_once if one.bare_on_as_many] or self.at_once[-1:]
        return processor.table(compared[-1].spent(), cores) if compared else ""

    def plots(self) -> dict[str, str]:
        return figures.plots(
            [one for one in self.at_once if one.ours],
            self.spread,
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
    # Of very many each measurement takes minutes, and says little more than of many.
    large = count > _LARGE
    for replicas in plan.replicas[:1] if large else plan.replicas:
        this.ours[replicas] = dispatch.ours(count, replicas)
        say(f"{count} at once, replicas: {replicas}: {this.ours[replicas].per_second:.0f}/s")
    this.cron_jobs = dispatch.cron_jobs(count)
    say(f"{count} at once, CronJob controller: {this.cron_jobs.per_second:.0f}/s")
    if not large:
        bare()
    if count in plan.compared_sizes:
        measure_more_references(this)


def measure_more_references(this: AtOnce) -> None:
    count = this.integrations
    this.bare_on_as_many = dispatch.bare(count, WORKERS)
    say(f"{count} at once, bare on {WORKERS}: {this.bare_on_as_many.per_second:.0f}/s")
    this.ours_stock = dispatch.ours(count, 1, stock_limits=True)
    say(f"{count} at once, default limits: {this.ours_stock.per_second:.0f}/s")
    this.cron_jobs_stock = dispatch.cron_jobs(count, stock_limits=True)
    say(f"{count} at once, default limits, CronJobs: {this.cron_jobs_stock.per_second:.0f}/s")


def measure_spread(count: int, plan: Plan, results: Results) -> None:
    for replicas in plan.replicas[:1] if count > _LARGE else plan.replicas:
        measured = steady.spread(count, plan.spread_seconds, replicas)
        results.spread.append((count, replicas, measured))
        say(f"{count} spread, replicas: {replicas}: p99 {measured.late(99):.3f} s late")


def measure_rest(count: int, plan: Plan, results: Results) -> None:
    # Each of two replicas must have read all of them again before the next end.
    ends = plan.ends if count == max((n for n in plan.rest_sizes if n <= _LARGE), default=0) else 0
    measured = rest.measure(
        count, 2, window_seconds=plan.rest_seconds, forces=plan.forces, ends=ends
    )
    results.rest.append((count, 2, measured))
    say(f"{count} at rest: {measured.leader.cpu_percent:.2f} % of a core")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, held against ranges")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument(
        "--sizes",
        type=_sizes,
        metavar="PART=100,1000",
        action="append",
        default=[],
        help="how many Integrations in that part; may be repeated",
    )
    parser.add_argument("--ends", type=int, help="how often the leader ends by each signal")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--page", type=Path, help="write table and plots into this page")
    return parser.parse_args()


def _sizes(text: str) -> tuple[str, tuple[int, ...]]:
    part, _, numbers = text.partition("=")
    if part not in PARTS or not all(n.isdecimal() and int(n) for n in numbers.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form PART=100,1000")
    return part, tuple(sorted(int(n) for n in numbers.split(",")))


def chosen_plan(chosen: argparse.Namespace) -> Plan:
    plan = QUICK if chosen.quick else FULL
    sizes = {"at-once": plan.sizes, "spread": plan.spread_sizes, "rest": plan.rest_sizes}
    sizes |= dict(chosen.sizes)
    return replace(
        plan,
        sizes=sizes["at-once"],
        spread_sizes=sizes["spread"],
        rest_sizes=sizes["rest"],
        ends=plan.ends if chosen.ends is None else chosen.ends,
    )


def measure_all(
    parts: Sequence[str], plan: Plan, keep: Callable[[Results], None]
) -> tuple[Results, list[str]]:
    """What was measured, and what failed: the rest is measured all the same. ``keep`` is called as soon
    as there is something, since a full run takes an hour and may be broken off."""
    measures: dict[str, tuple[Sequence[int], Callable[[int, Plan, Results], None]]] = {
        "at-once": (plan.sizes, measure_at_once),
        "spread": (plan.spread_sizes, measure_spread),
        "rest": (plan.rest_sizes, measure_rest),
    }
    results, failed = Results(), []
    for name in parts:
        sizes, measure = measures[name]
        for count in sizes:
            try:
                measure(count, plan, results)
            except (
                AssertionError,
                TimeoutError,
                subprocess.SubprocessError,
                RefusalError,
            ) as error:
                failed.append(f"{name} of {count}: {error}")
                say(f"failed: {failed[-1]}")
            keep(results)
    return results, failed


def write_page(page: Path, machine: Mapping[str, Any], results: Results) -> None:
    """The plots lie in a folder beside the page, of its name."""
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    plots = results.plots()
    for file, drawn in plots.items():
        (folder / file).write_text(drawn)
    report.write_page(
        page,
        machine,
        results.metrics(),
        results.processor_table(machine["cores"]),
        [f"{folder.name}/{f}" for f in plots],
    )


def main() -> int:
    chosen = arguments()
    began, load = time.monotonic(), os.getloadavg()[0]

    def keep(results: Results) -> None:
        report.write_json(chosen.output, facts(load), results.metrics())
        if chosen.page:
            write_page(chosen.page, facts(load), results)

    results, failed = measure_all(chosen.only or PARTS, chosen_plan(chosen), keep)
    metrics = results.metrics()
    print(report.machine_line(facts(load)) + "\n")
    print(report.table(metrics))
    print(results.processor_table(facts(load)["cores"]))
    say(f"took {time.monotonic() - began:.0f} s; figures in {chosen.output}")
    told = [f"failed: {one}" for one in failed]
    if chosen.quick and not chosen.only:
        told += [f"out of range: {one}" for one in ranges.broken(ranges.load(), metrics)]
    print("\n".join(told))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
