"""Findings that are known, and why they may stay for now: `exceptions.toml`, in the form of osv-scanner's own file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from dev.errors import RefusalError

FILE = Path(__file__).with_name("exceptions.toml")
LONGEST_DAYS = 180


@dataclass(frozen=True)
class Ignored:
    """One finding that may stay until a day."""

    id: str
    until: date
    reason: str


def read(today: date, path: Path = FILE) -> dict[str, Ignored]:
    """By the id of the finding.

    Raises RefusalError for one without a reason, or that lasts longer than half a year: then nobody would
    look at it again.
    """
    found: dict[str, Ignored] = {}
    for raw in tomllib.loads(path.read_text()).get("IgnoredVulns", []):
        name = raw.get("id", "")
        until, reason = raw.get("ignoreUntil"), str(raw.get("reason", ""))
        if isinstance(until, datetime):
            until = until.date()
        if not name or not isinstance(until, date) or len(reason.split()) < 3:
            raise RefusalError(f"{path.name}: `{name}` needs id, ignoreUntil (a date) and a reason")
        if (until - today).days > LONGEST_DAYS:
            raise RefusalError(f"{path.name}: `{name}` lasts longer than {LONGEST_DAYS} days")
        found[name] = Ignored(name, until, reason)
    return found
