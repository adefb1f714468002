"""A calendar as one file at an address."""

from __future__ import annotations

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.ical.source import Answer, Source


def read(source: Source, versions: dict[str, str]) -> Answer:
    """The file, unless it is the one that `versions` names."""
    headers = {"Accept": "text/calendar, */*;q=0.5"}
    if versions.get("etag"):
        headers["If-None-Match"] = versions["etag"]
    if versions.get("lastModified"):
        headers["If-Modified-Since"] = versions["lastModified"]
    response = source.session.get(source.url, headers=headers)
    if response.status_code == 304:
        return Answer(None, versions)
    response.raise_for_status()
    text = response.content.decode("utf-8-sig", "replace")
    if not text.lstrip()[:15].upper().startswith("BEGIN:VCALENDAR"):
        kind = response.headers.get("Content-Type", "no content type").split(";")[0].strip()[:60]
        raise PermanentError(
            f"{source.name} is no calendar (it answers with {kind}): it must be the address of "
            "the iCalendar file itself.",
            reason="InvalidConfig",
        )
    if not text.rstrip().upper().endswith("END:VCALENDAR"):
        # Half a calendar would take the events of the other half for deleted.
        raise TransientError(f"{source.name} breaks off before the end of the calendar.")
    return Answer(
        [text],
        {
            "etag": response.headers.get("ETag", "")[:512],
            "lastModified": response.headers.get("Last-Modified", "")[:64],
        },
    )
