"""Where the processor's time goes while all are due at once: what a faster operator could gain at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TITLES = {
    "apiserver": "API server",
    "etcd": "etcd",
    "controllers": "controllers (Job, CronJob, garbage)",
    "scheduler": "scheduler",
    "kwok": "kwok (nodes and pods)",
    "operator": "operator",
}
OTHERS = "others"


@dataclass(frozen=True)
class Spent:
    """``cpu_milliseconds``: by process, for one Job. ``per_second``: Jobs made, measured."""

    cpu_milliseconds: Mapping[str, float]
    per_second: float


def table(columns: Mapping[str, Spent], cores: int) -> str:
    """A row a process, a column each way to make Jobs. The sum tells how many a second the cores allow if
    nothing ever waits; the row below it, how many there were."""
    titles = [*TITLES.values(), OTHERS]
    rows = [
        [title, *(f"{_by_title(spent)[title]:.1f}" for spent in columns.values())]
        for title in titles
        if any(_by_title(spent)[title] >= 0.05 for spent in columns.values())
    ]
    sums = [sum(spent.cpu_milliseconds.values()) for spent in columns.values()]
    rows.append(["**sum**", *(f"{one:.1f}" for one in sums)])
    rows.append(
        [f"a second, if {cores} cores never wait", *(f"{cores * 1000 / one:.0f}" for one in sums)]
    )
    rows.append(["a second, measured", *(f"{spent.per_second:.0f}" for spent in columns.values())])
    head = ["CPU of a dispatch, ms", *columns]
    lines = [head, ["---", *("--:" for _ in columns)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _by_title(spent: Spent) -> dict[str, float]:
    found = dict.fromkeys([*TITLES.values(), OTHERS], 0.0)
    for name, milliseconds in spent.cpu_milliseconds.items():
        found[TITLES.get(name, OTHERS)] += milliseconds
    return found
