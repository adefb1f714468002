"""``make chaos``: the real operator under random faults, and a verdict from the API server's record."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

from dev.cluster import Cluster
from tests.chaos import report
from tests.chaos.run import Plan, Result, play


def parser() -> argparse.ArgumentParser:
    chosen = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Run the operator under random faults and check every invariant of its design "
        "against the API server's own record. Exit status 0: all held; 1: not all; 2: no verdict.",
    )
    chosen.add_argument("--minutes", type=float, default=10, help="how long faults come (10)")
    chosen.add_argument("--seed", type=int, help="of an earlier run, to draw the same faults again")
    chosen.add_argument("--integrations", type=int, default=300, help="how many (300)")
    chosen.add_argument("--replicas", type=int, default=2, help="of the operator (2)")
    return chosen


def show(result: Result) -> str:
    findings = result.findings
    counts = [("claims", sum(findings.triggers.values())), *sorted(findings.triggers.items())]
    outcomes = [("outcomes", findings.outcomes.total()), *findings.outcomes.most_common()]
    parts = [
        report.faults(result.injected),
        report.table(("what happened", "times"), counts + outcomes),
        report.invariants(findings),
        "\n".join(
            [
                *result.notes,
                f"time without a disturbance: {result.undisturbed:.0%}",
                f"lateness where nothing disturbed: {report.percentiles(findings.lateness)}",
                f"two Jobs at once, for seconds, of a frozen leader: {findings.overlaps}",
            ]
        ),
    ]
    violations = [f"{v.invariant}: {v.who}: {v.what}" for v in findings.violations[:50]]
    if violations or result.broken:
        parts.append("\n".join([*violations, *result.broken[:20]]))
    parts.append(
        report.sentence(
            findings,
            broken=len(result.broken),
            seed=result.plan.seed,
            minutes=result.plan.minutes,
        )
    )
    return "\n\n".join(parts)


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    plan = Plan(seed, arguments.minutes, arguments.integrations, arguments.replicas)
    folder = Path(tempfile.mkdtemp(prefix="spark-chaos-"))
    print(f"seed {seed}; logs in {folder}", flush=True)
    cluster = Cluster(f"chaos-{os.getpid()}", kubeless=True, tmpfs=True, dies_with_caller=True)
    try:
        cluster.up()
        result = play(plan, cluster, folder, lambda line: print(line, flush=True))
    finally:
        cluster.down()
    print(f"\n{show(result)}")
    return 1 if result.findings.violations or result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
