"""From an occurrence to a row."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, tzinfo
from typing import Any

from spark_plugins.ical.expand import Occurrence, instant

MAX_TEXT = 1_000_000
MAX_ATTENDEES = 1000

Json = dict[str, Any]

# The data type of each column.
COLUMNS = {
    "id": "text",
    "uid": "text",
    "recurrence_id": "text",
    "summary": "text",
    "description": "text",
    "location": "text",
    "url": "text",
    "status": "text",
    "busy": "bool",
    "organizer": "text",
    "attendees": "json",
    "categories": "json",
    "all_day": "bool",
    "starts_at": "timestamp",
    "ends_at": "timestamp",
    "start_date": "date",
    "end_date": "date",
    "time_zone": "text",
    "sequence": "bigint",
    "created_at": "timestamp",
    "modified_at": "timestamp",
    "calendar": "text",
}


def record(occurrence: Occurrence, zone: tzinfo, calendar: str) -> Json:
    """The row. Raises whatever a broken property makes the library raise."""
    event = occurrence.event
    start = event["DTSTART"].dt
    end = event["DTEND"].dt
    all_day = not isinstance(start, datetime)
    return {
        "id": identity(occurrence.uid, occurrence.recurrence),
        "uid": occurrence.uid,
        "recurrence_id": occurrence.recurrence or None,
        "summary": _text(event.get("SUMMARY")),
        "description": _text(event.get("DESCRIPTION")),
        "location": _text(event.get("LOCATION")),
        "url": _text(event.get("URL")),
        "status": _text(event.get("STATUS")),
        "busy": str(event.get("TRANSP", "OPAQUE")).upper() != "TRANSPARENT",
        "organizer": _address(event.get("ORGANIZER")),
        "attendees": [_attendee(person) for person in _list(event.get("ATTENDEE"))][:MAX_ATTENDEES]
        or None,
        "categories": [str(name) for group in _list(event.get("CATEGORIES")) for name in group.cats]
        or None,
        "all_day": all_day,
        "starts_at": instant(start, zone),
        "ends_at": instant(end, zone),
        "start_date": start if all_day else None,
        "end_date": end if all_day else None,
        "time_zone": None if all_day else _zone_name(start),
        "sequence": int(event.get("SEQUENCE", 0)),
        "created_at": _moment(event.get("CREATED")),
        "modified_at": _moment(event.get("LAST-MODIFIED")),
        "calendar": calendar or None,
    }


def identity(uid: str, recurrence: str) -> str:
    """The primary key: short, since the state holds those of the whole window."""
    return f"{uid_mark(uid)}.{_short(recurrence, 6) if recurrence else '0'}"


def uid_mark(uid: str) -> str:
    """What the keys of all occurrences of an event begin with, up to the point."""
    return _short(uid, 9)


def _short(text: str, size: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest[:size]).decode()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:MAX_TEXT]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _address(value: Any) -> str | None:
    text = _text(value)
    return text[len("mailto:") :] if text and text.lower().startswith("mailto:") else text


def _attendee(person: Any) -> Json:
    return {
        "address": _address(person),
        "name": _text(person.params.get("CN")),
        "answer": _text(person.params.get("PARTSTAT")),
    }


def _zone_name(moment: datetime) -> str | None:
    if moment.tzinfo is None:
        return None
    return getattr(moment.tzinfo, "key", None) or str(moment.tzinfo)[:64]


def _moment(value: Any) -> datetime | None:
    moment = getattr(value, "dt", None)
    return instant(moment, UTC) if moment is not None else None
