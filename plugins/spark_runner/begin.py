"""Where a fetch begins: at its cursors, or further back for a reset or a backfill.

What is done to the cursors is kept with a mark of the request that asked for it, in dlt's state, and so
arrives in the destination together with the first records or not at all. If we die before, the next
attempt does it again; if we die after, it finds the mark, and goes on where this one was.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

_OURS = "_spark"
_MARK = "work"


@dataclass(frozen=True)
class Begin:
    """`mode` is fetch, reset or backfill; `request` names whose work this is, over its attempts."""

    mode: str = "fetch"
    since: dt.datetime | None = None
    request: str | None = None

    def prepare(self, state: Any) -> bool:
        """Move the cursors in dlt's state, unless an earlier attempt did; whether it was done now."""
        sources = state.setdefault("sources", {})
        if self.mode == "fetch":
            return False
        mark = {"mode": self.mode, "request": self.request}
        if self.request is not None and sources.get(_OURS, {}).get(_MARK) == mark:
            return False
        for name in [name for name in sources if name != _OURS]:
            if self.mode == "backfill" and self.since is not None:
                _move_back(sources[name].get("resources", {}), self.since)
            else:
                del sources[name]
        sources.setdefault(_OURS, {})[_MARK] = mark
        return True

    def first(self, state: Any, source: str, resource: str, cursor: Any) -> None:
        """Of a resource that was never fetched, begin at `since` and not where it would by itself."""
        if self.mode != "backfill" or self.since is None:
            return
        start = as_cursor(cursor.initial_value, self.since)
        if start is None:
            return
        resources = state["sources"].setdefault(source, {}).setdefault("resources", {})
        cursors = resources.setdefault(resource, {}).setdefault("incremental", {})
        if not cursors.get(cursor.cursor_path):
            cursors[cursor.cursor_path] = _cursor(cursor.initial_value, start)


def _move_back(resources: dict[str, Any], since: dt.datetime) -> None:
    for name, held in resources.items():
        moved: dict[str, Any] = {}
        for path, cursor in held.get("incremental", {}).items():
            last = cursor.get("last_value")
            start = as_cursor(last, since)
            if start is not None:
                # One that lies before it already has all the way to go.
                moved[path] = _cursor(cursor.get("initial_value"), min(last, start))
        # All else goes: of a page mark or a validator nobody knows to what time it belongs, and it
        # would hide what was asked for.
        resources[name] = {"incremental": moved} if moved else {}


def _cursor(initial: Any, value: Any) -> dict[str, Any]:
    return {
        "initial_value": initial,
        "last_value": value,
        "unique_hashes": [],
        "start_value": value,
    }


def as_cursor(like: Any, since: dt.datetime) -> Any:
    """`since` in the form of another value of that cursor; None where that is no time."""
    match like:
        case bool():
            return None
        case dt.datetime():
            return since if like.tzinfo is not None else since.replace(tzinfo=None)
        case dt.date():
            return since.date()
        case int() | float():
            return _seconds(like, since)
        case str():
            return _text(like, since)
        case _:
            return None


def _seconds(like: float, since: dt.datetime) -> float | None:
    """Seconds or milliseconds since 1970, where the value lies between 1980 and 2100 as such."""
    for unit in (1, 1000):
        if 315_532_800 * unit < like < 4_102_444_800 * unit:
            return type(like)(since.timestamp() * unit)
    return None


def _text(like: str, since: dt.datetime) -> str | None:
    try:
        known = dt.datetime.fromisoformat(like)
    except ValueError:
        return None
    if "-" not in like:
        # 20260101 may be a date or a number, and 10 to 17 digits are likelier a number.
        return None
    if len(like) == len("2026-01-01"):
        return since.date().isoformat()
    separator = like[10]
    moment = since.astimezone(known.tzinfo) if known.tzinfo else since.replace(tzinfo=None)
    # Texts are compared as texts: as many digits and the same zone, or the order is another.
    digits = len(like[19:].partition("+")[0].partition("-")[0].rstrip("Zz")) - 1
    form = "seconds" if digits <= 0 else "milliseconds" if digits == 3 else "microseconds"
    text = moment.isoformat(separator, form)
    if like[-1] in "Zz":
        return text.removesuffix("+00:00") + like[-1]
    return text
