"""The tables of a run of the kit: for each plugin the checks down and the destinations across."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from spark_plugins.testing.conformance import Counted

State = Literal["ok", "FAIL", "n/a", "not run"]
Pair = tuple[str, str]


@dataclass
class Result:
    """One cell; `not run` until it has ended."""

    state: State = "not run"
    counted: Counted = field(default_factory=Counted)
    seconds: float = 0.0
    # Why it failed or means nothing here.
    reason: str = ""

    def __str__(self) -> str:
        if self.state != "ok":
            return self.state
        kills, rows = self.counted.kills, self.counted.rows
        counts = [*([f"{kills} kills"] if kills else []), f"{rows} rows", f"{self.seconds:.1f} s"]
        return f"ok ({', '.join(counts)})"


Results = Mapping[Pair, Mapping[str, Result]]


def tables(results: Results) -> str:
    """One table in Markdown for each plugin, the reasons for what means nothing, and the sums."""
    plugins = list(dict.fromkeys(plugin for plugin, _ in results))
    parts = [_of_plugin(plugin, results) for plugin in plugins]
    return "\n\n".join([*parts, _sums(results)])


def sentence(results: Results) -> str:
    """The whole run in one sentence; it begins with a figure of what passed."""
    cells = _cells(results)
    ran = [cell for cell in cells if cell.state != "n/a"]
    passed = [cell for cell in ran if cell.state == "ok"]
    failed = sum(cell.state == "FAIL" for cell in ran)
    missed = len(ran) - len(passed) - failed
    plugins, targets = ({pair[at] for pair in results} for at in (0, 1))
    wrong = [
        *([f"{failed} failed"] if failed else []),
        *([f"{missed} did not run"] if missed else []),
        *(["no check was chosen"] if not ran else []),
    ]
    return (
        f"{len(passed)} of {len(ran)} checks of {len(plugins)} plugins and {len(targets)} "
        f"destinations passed, with {sum(cell.counted.kills for cell in passed)} kills and "
        f"{sum(cell.counted.rows for cell in passed)} rows compared"
        f"{', but ' + ' and '.join(wrong) if wrong else ''}."
    )


def passed(results: Results) -> bool:
    """Whether everything that means something has passed, and there was something."""
    ran = [cell for cell in _cells(results) if cell.state != "n/a"]
    return bool(ran) and all(cell.state == "ok" for cell in ran)


def _cells(results: Results) -> list[Result]:
    return [cell for found in results.values() for cell in found.values()]


def _of_plugin(plugin: str, results: Results) -> str:
    found = {target: cells for (name, target), cells in results.items() if name == plugin}
    names = dict.fromkeys(name for cells in found.values() for name in cells)
    rows = [
        [plugin, *found],
        *([name, *(str(cells.get(name, "")) for cells in found.values())] for name in names),
    ]
    reasons: dict[str, list[str]] = {}
    for name in names:
        for cells in found.values():
            cell = cells.get(name)
            if cell and cell.state == "n/a" and name not in reasons.setdefault(cell.reason, []):
                reasons[cell.reason].append(name)
    said = [f"n/a: {', '.join(about)}: {reason}" for reason, about in reasons.items() if about]
    return "\n".join([_markdown(rows), *said])


def _sums(results: Results) -> str:
    rows = [["plugin", "destination", "passed", "n/a", "kills", "where killed", "rows", "seconds"]]
    for (plugin, target), found in results.items():
        cells = list(found.values())
        ok = [cell for cell in cells if cell.state == "ok"]
        nothing = sum(cell.state == "n/a" for cell in cells)
        rows.append(
            [
                plugin,
                target,
                f"{len(ok)}/{len(cells) - nothing}",
                str(nothing),
                str(sum(cell.counted.kills for cell in ok)),
                "; ".join(cell.counted.places for cell in ok if cell.counted.places),
                str(sum(cell.counted.rows for cell in ok)),
                f"{sum(cell.seconds for cell in cells):.1f}",
            ]
        )
    return _markdown(rows)


def _markdown(rows: Iterable[list[str]]) -> str:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
