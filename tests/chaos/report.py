"""What the chaos prints: what was done, what happened, what was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import quantiles

from tests.chaos.audit import DOUBLE, INVARIANTS, LOSS, STUCK, Findings


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table whose columns line up."""
    texts = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in texts
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def faults(injected: Mapping[str, Sequence[float]]) -> str:
    """``injected``: by fault, how long each of them lasted."""
    rows = [
        (name, len(seconds), f"{sum(seconds):.0f}")
        for name, seconds in sorted(injected.items(), key=lambda pair: -len(pair[1]))
    ]
    return table(("fault", "times", "seconds"), rows)


def invariants(findings: Findings) -> str:
    rows = [
        (name, what, findings.checks[name], findings.of(name)) for name, what in INVARIANTS.items()
    ]
    return table(("", "invariant", "checked", "violated"), rows)


def percentiles(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "too few to tell"
    cuts = quantiles(values, n=100)
    return f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, max {max(values):.1f} s"


def sentence(findings: Findings, *, broken: int, seed: int, minutes: float) -> str:
    """The last line: what counts, and whether all held."""
    others = len(findings.violations) - findings.of(DOUBLE, LOSS, STUCK) + broken
    verdict = "all invariants held" if not findings.violations and not broken else "NOT all held"
    return (
        f"{len(findings.claims)} fetches in {minutes:g} minutes of chaos with seed {seed}: "
        f"{findings.of(DOUBLE)} doubles, {findings.of(LOSS)} losses, {findings.of(STUCK)} stuck, "
        f"{others} other violations; {verdict}."
    )
