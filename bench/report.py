"""The figures as a table for people, as JSON for programs, and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.budgets import BUDGETS, Metric

BEGIN, END = "<!-- measured: make bench writes this -->", "<!-- measured: end -->"
_HEAD = (
    "| what | Integrations | replicas | measured | reference | ratio | gate | goal | |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|---|\n"
)


def ordered(metrics: Sequence[Metric]) -> list[Metric]:
    """As the budgets are listed, small numbers first."""
    order = list(BUDGETS)
    return sorted(metrics, key=lambda m: (order.index(m.name), m.integrations, m.replicas))


def table(metrics: Sequence[Metric]) -> str:
    """In Markdown, which is readable in a terminal, too."""
    return _HEAD + "".join(f"{_row(metric)}\n" for metric in ordered(metrics))


def _row(metric: Metric) -> str:
    budget = metric.budget
    sign = ("≥ " if budget.more_is_better else "≤ ") if budget.gate is not None else ""
    times = " times" if budget.of_ratio else ""
    bounds = [
        "" if bound is None else f"{sign}{number(bound)}{times}"
        for bound in (budget.gate, budget.goal)
    ]
    cells = [
        budget.title,
        f"{metric.integrations:,}".replace(",", " "),
        str(metric.replicas),
        f"{number(metric.value)} {budget.unit}",
        "" if metric.reference is None else f"{number(metric.reference)} {budget.unit}",
        "" if metric.ratio is None else f"{metric.ratio:.2f}",
        *bounds,
        verdict(metric),
    ]
    return f"| {' | '.join(cells)} |"


def verdict(metric: Metric) -> str:
    if metric.keeps(metric.budget.goal):
        return "goal"
    return {True: "gate", False: "**missed**", None: ""}[metric.keeps(metric.budget.gate)]


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_json(path: Path, machine: Mapping[str, Any], metrics: Sequence[Metric]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "metrics": [m.dump() for m in ordered(metrics)]}
    path.write_text(json.dumps(document, indent=1) + "\n")


def machine_line(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['date']}, {machine['cores']} cores of {machine['processor']}, Kubernetes "
        f"{machine['kubernetes']}, Python {machine['python']}; load average of the machine before "
        f"the run {machine['loadBefore']:.1f}, after it {machine['loadAfter']:.1f}"
    )


def write_page(
    page: Path,
    machine: Mapping[str, Any],
    metrics: Sequence[Metric],
    processor: str,
    plots: Sequence[str],
) -> None:
    """Put the measured part between the markers of the page; the rest of it is written by people.
    ``processor``: the table of where its time goes, or nothing."""
    text = page.read_text()
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"{page} lacks {BEGIN} or {END}")
    pictures = "\n\n".join(f"![{Path(plot).stem}]({plot})" for plot in plots)
    parts = [f"{machine_line(machine)}.", table(metrics).rstrip(), processor.rstrip(), pictures]
    measured = "\n\n".join(part for part in parts if part) + "\n"
    page.write_text(f"{before}{BEGIN}\n{measured}{END}{after}")
