"""`ical`: one file behind a password, with an ETag; what vanishes from it is removed.

CalDAV is another way to the same texts; tests/runner/test_ical.py has it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any, ClassVar

from spark_plugins.testing import Answer, Request
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene

USER, PASSWORD = "canary-user-03aa", "canary-5d20-ical-password"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class IcalAdapter(Adapter):
    plugin = "ical"
    table, key, value = "events", "uid", "summary"
    credentials: ClassVar = {"username": USER, "password": PASSWORD}
    paged = False
    drift_column = "location"
    skips = "unchanged documents"
    removes = True

    def config(self, url: str) -> dict[str, Any]:
        return {"url": f"{url}/home.ics"}

    def answer(self, request: Request, scene: Scene) -> Answer:
        if request.header("Authorization") != f"Basic {BASIC}":
            return Answer(401)
        events = "".join(_event(record, scene) for record in scene.all())
        text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{events}END:VCALENDAR\n"
        body = text.replace("\n", "\r\n").encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.header("If-None-Match") == etag:
            return Answer(304)
        return Answer(200, body, {"Content-Type": "text/calendar", "ETag": etag})


def _event(record: Record, scene: Scene) -> str:
    day = dt.datetime.now(dt.UTC) + dt.timedelta(days=record.number % 7)
    more = "LOCATION:Attic\nPRIORITY:high\nX-NEW:1\n" if scene.drift else ""
    return (
        f"BEGIN:VEVENT\nUID:{record.number}\nDTSTART:{day:%Y%m%d}T100000Z\n"
        f"DTEND:{day:%Y%m%d}T110000Z\nSUMMARY:{record.text.replace(',', chr(92) + ',')}\n"
        f"LAST-MODIFIED:{record.changed_at:%Y%m%dT%H%M%SZ}\n{more}END:VEVENT\n"
    )
