"""The table of a run of the kit: faults down, plugins and destinations across."""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[str, str]
NOT_APPLICABLE = "n/a"
FAILED = "FAIL"


def table(results: Mapping[Pair, Mapping[str, str]]) -> str:
    """A table in Markdown of what each check of each plugin and destination said."""
    pairs = list(results)
    names = list(dict.fromkeys(name for found in results.values() for name in found))
    rows = [
        ["", *(f"{plugin} → {target}" for plugin, target in pairs)],
        *([name, *(results[pair].get(name, NOT_APPLICABLE) for pair in pairs)] for name in names),
        ["checks passed", *(_passed(results[pair]) for pair in pairs)],
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(pairs) + 1)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _passed(found: Mapping[str, str]) -> str:
    return f"{sum(said != FAILED for said in found.values())}/{len(found)}"
