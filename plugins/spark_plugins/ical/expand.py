"""From the text of calendars to the times in a window at which events take place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import icalendar
import recurring_ical_events

from spark_plugins.errors import PermanentError, TransientError

# The library's properties have any of thirty types, as strangers write calendars; what does not fit
# raises, and then the event counts as broken.
Component = Any

# A rule is followed from its first time on. What ticks every second since 1970 would be followed
# until the deadline, and no person's calendar holds it.
MAX_STEPS = 500_000
STEP_SECONDS = {
    "SECONDLY": 1,
    "MINUTELY": 60,
    "HOURLY": 3600,
    "DAILY": 86_400,
    "WEEKLY": 7 * 86_400,
    "MONTHLY": 28 * 86_400,
    "YEARLY": 365 * 86_400,
}


@dataclass(frozen=True)
class Occurrence:
    """One time of an event. `recurrence` is the time it was planned for, empty for a single one:
    it stays when the event is moved."""

    uid: str
    recurrence: str
    event: Component


@dataclass
class Expanded:
    """`broken` are the UIDs of events that could not be read or followed."""

    occurrences: list[Occurrence] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    name: str = ""


def expand(texts: list[str], start: datetime, end: datetime, max_events: int) -> Expanded:
    """All occurrences that overlap the window. Raises `PermanentError` for more than allowed."""
    expanded = Expanded()
    for calendar in _calendars(texts):
        expanded.name = expanded.name or str(calendar.get("X-WR-CALNAME", ""))
        for uid, events in _by_uid(calendar).items():
            if any(_restless(event, end) for event in events):
                expanded.broken.add(uid)
                continue
            try:
                expanded.occurrences += _of_one(calendar, uid, events, start, end)
            except Exception:  # noqa: BLE001  (whatever a broken event makes the library raise)
                # One bad event of a stranger must not hold up the whole calendar.
                expanded.broken.add(uid)
            if len(expanded.occurrences) > max_events:
                raise PermanentError(
                    f"The calendar has more than {max_events} events in the window: lower "
                    "spec.config.pastDays or futureDays, or raise maxEvents.",
                    reason="InvalidConfig",
                )
    return expanded


def _calendars(texts: list[str]) -> Iterator[Component]:
    for text in texts:
        try:
            found = icalendar.Calendar.from_ical(text, multiple=True)
        except (ValueError, IndexError, KeyError):
            raise TransientError("The calendar is not valid iCalendar.") from None
        yield from found


def _by_uid(calendar: Component) -> dict[str, list[Component]]:
    """A series is its rule and its exceptions: the events with the same UID."""
    grouped: dict[str, list[Component]] = {}
    for event in calendar.walk("VEVENT"):
        if not event.get("UID"):
            # Without one it is what it says, so that it is the same at the next fetch.
            event["UID"] = "sha256:" + hashlib.sha256(event.to_ical()).hexdigest()
        grouped.setdefault(str(event["UID"]), []).append(event)
    return grouped


def _restless(event: Component, end: datetime) -> bool:
    """Whether a rule would take too many steps from its beginning to the end of the window."""
    rules = event.get("RRULE") or []
    for rule in rules if isinstance(rules, list) else [rules]:
        try:
            seconds = STEP_SECONDS[rule["FREQ"][0]] * int(rule.get("INTERVAL", [1])[0])
            begin = instant(event["DTSTART"].dt)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError):
            return True
        if (end - begin).total_seconds() > MAX_STEPS * seconds:
            return True
    return False


def _of_one(
    calendar: Component, uid: str, events: list[Component], start: datetime, end: datetime
) -> list[Occurrence]:
    alone = icalendar.Calendar()
    if "X-WR-TIMEZONE" in calendar:
        alone["X-WR-TIMEZONE"] = calendar["X-WR-TIMEZONE"]
    for event in events:
        alone.add_component(event)
    recurs = any(key in event for event in events for key in ("RRULE", "RDATE", "RECURRENCE-ID"))
    found: dict[str, Occurrence] = {}
    for event in recurring_ical_events.of(alone).between(start, end):
        planned = _stamp(event["RECURRENCE-ID"].dt) if recurs else ""
        if planned in found:
            # An exception for all that follow gives each of them its own planned time.
            planned = _stamp(event["DTSTART"].dt)
        found[planned] = Occurrence(uid, planned, event)
    return list(found.values())


def instant(moment: date | datetime, zone: Any = UTC) -> datetime:
    """A moment in UTC: a day begins, and a time without zone is read, in `zone`."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  (set below)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _stamp(moment: date | datetime) -> str:
    """As RECURRENCE-ID writes it: a date, a time in UTC, or one without zone."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is None:
        return moment.isoformat()
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
