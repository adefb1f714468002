"""A calendar as a collection of a CalDAV server (RFC 4791)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree as ET

import requests

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.ical.source import Answer, Source

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
SERVER = "{http://calendarserver.org/ns/}"

PROPERTIES = """<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:s="http://calendarserver.org/ns/"><d:prop>
<d:resourcetype/><d:displayname/><d:sync-token/><s:getctag/>
</d:prop></d:propfind>"""
# All events that overlap the window, each with its rule and its exceptions: they are expanded
# here, since not every server can, and no two do it alike.
EVENTS = """<?xml version="1.0" encoding="utf-8"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:prop><c:calendar-data/></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">
<c:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>
</c:comp-filter></c:comp-filter></c:filter>
</c:calendar-query>"""

SHOWN_CALENDARS = 5


def read(source: Source, versions: dict[str, str], start: datetime, end: datetime) -> Answer:
    """The objects with events in the window (UTC), unless the collection has not changed."""
    properties = next(_responses(_ask(source, "PROPFIND", PROPERTIES, depth=0)), None)
    if properties is None or properties.find(f".//{DAV}resourcetype/{CALDAV}calendar") is None:
        raise _no_calendar(source)
    version = _text(properties, f"{SERVER}getctag") or _text(properties, f"{DAV}sync-token")
    name = _text(properties, f"{DAV}displayname")
    if version and versions.get("version") == version:
        return Answer(None, versions, name)
    multistatus = _ask(source, "REPORT", EVENTS.format(start=start, end=end), depth=1)
    texts = []
    for response in _responses(multistatus):
        if " 507" in (response.findtext(f"{DAV}status") or ""):
            raise PermanentError(
                f"{source.name} does not give out so many events at once: lower "
                "spec.config.pastDays and futureDays.",
                reason="InvalidConfig",
            )
        text = _text(response, f"{CALDAV}calendar-data")
        if text:
            texts.append(text)
    # Asked for before the events: what changes between the two is read again the next time.
    return Answer(texts, {"version": version[:512]} if version else {}, name)


def _ask(source: Source, method: str, body: str, *, depth: int) -> ET.Element:
    response = source.session.request(
        method,
        source.url,
        data=body.encode(),
        headers={"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)},
    )
    response.raise_for_status()
    if response.status_code != 207:
        raise PermanentError(
            f"{source.name} does not speak CalDAV (it answers {method} with status "
            f"{response.status_code}): for a calendar's file the protocol is ics.",
            reason="InvalidConfig",
        )
    return _xml(source, response)


def _xml(source: Source, response: requests.Response) -> ET.Element:
    if b"<!DOCTYPE" in response.content or b"<!ENTITY" in response.content:
        # Entities may grow a small answer into gigabytes; CalDAV has no use for them.
        raise PermanentError(f"{source.name} answers with XML that declares entities: refused.")
    try:
        root = ET.fromstring(response.content)  # noqa: S314  (no entities, see above; bounded)
    except ET.ParseError:
        raise TransientError(f"{source.name} answers with XML that breaks off.") from None
    if root.tag != f"{DAV}multistatus":
        raise TransientError(f"{source.name} answers with XML that is no multistatus.")
    return root


def _responses(multistatus: ET.Element) -> Iterator[ET.Element]:
    yield from multistatus.iter(f"{DAV}response")


def _text(response: ET.Element, name: str) -> str:
    """The text of a property that the server could give."""
    for propstat in response.iter(f"{DAV}propstat"):
        if " 200" in (propstat.findtext(f"{DAV}status") or " 200"):
            text = propstat.findtext(f"{DAV}prop/{name}")
            if text:
                return text.strip()
    return ""


def _no_calendar(source: Source) -> PermanentError:
    """With the calendars below, where it is a folder of them: the usual mistake."""
    below = []
    for response in _responses(_ask(source, "PROPFIND", PROPERTIES, depth=1)):
        if response.find(f".//{DAV}resourcetype/{CALDAV}calendar") is not None:
            href = urljoin(source.url, response.findtext(f"{DAV}href") or "")
            below.append(unquote(urlsplit(href).path))
    shown = ", ".join(below[:SHOWN_CALENDARS])
    hint = f"; the calendars below it are {shown}" if shown else ""
    return PermanentError(
        f"{source.name} is no calendar: spec.config.url must be the address of one{hint}.",
        reason="InvalidConfig",
    )
