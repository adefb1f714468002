"""From the text of a feed to records, whatever the feed leaves out."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime
from time import struct_time
from typing import Any

import feedparser
import requests

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import show

MAX_TEXT = 1_000_000
MAX_IDENTITY = 2048

Json = dict[str, Any]


def feed_identity(url: str) -> str:
    """Which feed it is, by its whole address: many differ in nothing but the query."""
    return _hash(url)[:16]


def parse(response: requests.Response, url: str, max_entries: int) -> tuple[list[Json], bool]:
    """The first entries of a feed, and whether its text was whole.

    Raises `PermanentError` for what is no feed, `TransientError` for one that breaks off at once.
    """
    content_type = response.headers.get("Content-Type", "")
    feed = _read(response.content, content_type, response.url)
    if not feed.version:
        kind = content_type.split(";")[0].strip()[:60] or "no content type"
        raise PermanentError(
            f"{show(response.url)} is neither RSS nor Atom (it answers with {kind}): "
            "spec.config must name the address of the feed itself.",
            reason="InvalidConfig",
        )
    # These two are faults of the headers; any other is one of the text.
    whole = not feed.bozo or isinstance(
        feed.bozo_exception, feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType
    )
    if not whole and not feed.entries:
        raise TransientError(f"The feed of {show(response.url)} breaks off or is not valid XML.")
    entries = feed.entries[:max_entries]
    if response.url != url:
        # A guid may be a relative address. Resolved by where a redirect has led today, the entry
        # would be another one tomorrow.
        stable = _read(response.content, content_type, url).entries
        for entry, same in zip(entries, stable, strict=False):
            if same.get("id"):
                entry["id"] = same["id"]
    shared = _shared_links(entries, feed.feed.get("link"))
    feed_columns = {
        "feed_id": feed_identity(url),
        "feed_url": show(url),
        "feed_title": _text(feed.feed.get("title")),
    }
    records: dict[str, Json] = {}
    for entry in entries:
        record = _record(entry, shared) | feed_columns
        # A feed may hold an id twice; the first is the newer one, as feeds run backwards.
        records.setdefault(record["id"], record)
    return list(records.values()), whole


def _read(content: bytes, content_type: str, location: str) -> Any:
    # Bytes, never the address: feedparser would fetch that itself, without any bound.
    return feedparser.parse(
        content,
        response_headers={"content-type": content_type, "content-location": location},
    )


def _shared_links(entries: list[Any], home: str | None) -> set[str]:
    """Links that identify nothing: that of the feed's own site, and those of several entries."""
    links = Counter(entry["link"] for entry in entries if not entry.get("id") and entry.get("link"))
    return {link for link, count in links.items() if count > 1 or link == home}


def _record(entry: Any, shared: set[str]) -> Json:
    contents = entry.get("content") or []
    published = _time(entry.get("published_parsed"))
    return {
        "id": _identity(entry, shared),
        "title": _text(entry.get("title")),
        "link": _text(entry.get("link")),
        "author": _text(entry.get("author")),
        "summary": _text(entry.get("summary")),
        "content": _text(contents[0].get("value")) if contents else None,
        "tags": [tag["term"] for tag in entry.get("tags") or [] if tag.get("term")] or None,
        "enclosures": [
            {key: enclosure[key] for key in ("href", "type", "length") if enclosure.get(key)}
            for enclosure in entry.get("enclosures") or []
        ]
        or None,
        "published_at": published,
        "updated_at": _time(entry.get("updated_parsed")) or published,
    }


def _identity(entry: Any, shared: set[str]) -> str:
    """The guid, else the link, else what the entry says. The same at each fetch."""
    given = entry.get("id")
    if not given and entry.get("link") not in shared:
        given = entry.get("link")
    if given:
        text = str(given)
        # Cut off, two long ones could become the same.
        return text if len(text) <= MAX_IDENTITY else "sha256:" + _hash(text)
    # With its date, since "Daily summary" is another one each day. Without its text where there is
    # a date, since texts are corrected: then it would be there twice.
    date = entry.get("published") or entry.get("updated")
    words = (entry.get("link"), entry.get("title"), date or entry.get("summary"))
    return "sha256:" + _hash("\0".join(str(word or "") for word in words))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:MAX_TEXT]


def _time(value: struct_time | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime(*value[:6], tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
