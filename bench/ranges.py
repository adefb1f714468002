"""The ranges in which a quick run must lie: calibrated, so that a slower build is noticed by the next
run and not by the next release, and wide, since a shared machine may be several times slower."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.budgets import BUDGETS, Metric

PATH = Path(__file__).with_name("ranges.yaml")


@dataclass(frozen=True)
class Range:
    """``of``: "value" or "ratio"."""

    metric: str
    of: str
    least: float | None
    most: float | None

    def holds(self, measured: float) -> bool:
        return (self.least is None or measured >= self.least) and (
            self.most is None or measured <= self.most
        )

    def __str__(self) -> str:
        bounds = [f"at least {self.least:g}"] if self.least is not None else []
        bounds += [f"at most {self.most:g}"] if self.most is not None else []
        return f"{self.of} of {self.metric} {' and '.join(bounds)}"


def load(path: Path = PATH) -> list[Range]:
    """Raises ValueError for what would be ignored otherwise."""
    found = []
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    for metric, bounds in document.items():
        if metric not in BUDGETS:
            raise ValueError(f"{path.name}: {metric} is not measured")
        for of, limits in bounds.items():
            if of not in ("value", "ratio") or not limits or not set(limits) <= {"min", "max"}:
                raise ValueError(f"{path.name}: {metric}.{of} should be value or ratio: min, max")
            found.append(Range(metric, of, limits.get("min"), limits.get("max")))
    return found


def broken(ranges: Sequence[Range], metrics: Iterable[Metric]) -> list[str]:
    """A line for each that lies outside, and for each range of which nothing was measured."""
    by_name: dict[str, list[Metric]] = {}
    for metric in metrics:
        by_name.setdefault(metric.name, []).append(metric)
    told = []
    for one in ranges:
        measured = by_name.get(one.metric, [])
        values = [m.ratio if one.of == "ratio" else m.value for m in measured]
        if not values:
            told.append(f"{one}: not measured")
        for value in values:
            if value is None:
                told.append(f"{one}: there is no reference")
            elif not one.holds(value):
                told.append(f"{one}: measured {value:.3g}")
    return told
