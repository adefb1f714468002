"""The table of events: a mirror of the calendar's window, and a history before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dlt

from spark_plugins.contract import Context
from spark_plugins.ical import caldav, published
from spark_plugins.ical.expand import Expanded, expand
from spark_plugins.ical.record import COLUMNS, Json, record, uid_mark
from spark_plugins.ical.source import Answer, Source, source

if TYPE_CHECKING:
    from spark_plugins.ical import Ical


def events(config: Ical.Config, credentials: Ical.Credentials, context: Context) -> Any:
    """The one resource; raises where the address or the sign-in is incomplete."""
    place = source(config, credentials, context)
    hints: Any = {name: {"data_type": kind} for name, kind in COLUMNS.items()}
    # A record with this mark never arrives: it takes away the row with its key.
    hints["removed"] = {"data_type": "bool", "hard_delete": True}

    @dlt.resource(name="events", write_disposition="merge", primary_key="id", columns=hints)
    def events() -> Iterator[list[Json]]:
        # In the same package as the records: what is known is never ahead of what is there.
        state = dlt.current.resource_state()
        start, end = window(config, datetime.now(UTC))
        mark = _mark(place, config, start)
        # On a new day the window has moved: then an unchanged calendar has other events in it.
        versions = state.get("versions", {}) if state.get("for") == mark else {}
        answer = _read(config, place, versions, start, end)
        if answer.texts is None:
            context.log.info("The calendar has not changed.")
            return
        expanded = expand(answer.texts, start, end, config.max_events)
        zone = ZoneInfo(config.time_zone)
        records = _records(expanded, zone, expanded.name or answer.name)
        known: dict[str, int] = state.get("known", {})
        here = {item["id"]: _day(item["ends_at"]) for item in records}
        if records:
            yield records
        unread = {uid_mark(uid) for uid in expanded.broken}
        kept, removals = _vanished(known, here, unread, _day(start))
        if removals:
            yield removals
        if expanded.broken:
            context.warn(_said(len(expanded.broken)))
        state["known"] = here | kept
        state["for"], state["versions"] = mark, answer.versions

    return events


def window(config: Ical.Config, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of a day to that of another, in UTC: the same throughout a day."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return today - timedelta(days=config.past_days), today + timedelta(days=config.future_days + 1)


def _read(
    config: Ical.Config, place: Source, versions: dict[str, str], start: datetime, end: datetime
) -> Answer:
    if config.protocol == "caldav":
        return caldav.read(place, versions, start, end)
    return published.read(place, versions)


def _records(expanded: Expanded, zone: ZoneInfo, calendar: str) -> list[Json]:
    records: dict[str, Json] = {}
    for occurrence in expanded.occurrences:
        try:
            row = record(occurrence, zone, calendar)
        except Exception:  # noqa: BLE001  (whatever a broken property makes the library raise)
            expanded.broken.add(occurrence.uid)
            continue
        records[row["id"]] = row
    return list(records.values())


def _vanished(
    known: dict[str, int], here: dict[str, int], unread: set[str], first_day: int
) -> tuple[dict[str, int], list[Json]]:
    """What to keep in mind, and what to take away: what was in the window and no longer is.

    What has only left the window by growing old is forgotten here and stays in the table.
    """
    kept: dict[str, int] = {}
    removals: list[Json] = []
    for identity, last_day in known.items():
        if identity in here:
            continue
        if identity.partition(".")[0] in unread:
            # It is still there, we just cannot read it now.
            kept[identity] = last_day
        elif last_day > first_day:
            removals.append({"id": identity, "removed": True})
    return kept, removals


def _day(moment: datetime) -> int:
    return moment.toordinal()


def _mark(place: Source, config: Ical.Config, start: datetime) -> str:
    """What besides the calendar decides what its events are; no part of the address in it."""
    words = (place.url, config.model_dump_json(exclude={"url"}), start.isoformat())
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _said(count: int) -> str:
    events = "1 event is" if count == 1 else f"{count} events are"
    return f"{events} left out, since nobody could tell from the calendar when they take place."
