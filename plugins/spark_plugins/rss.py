"""`rss`: RSS and Atom feeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from time import struct_time
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from spark_plugins import contract
from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import show

MAX_TEXT = 1_000_000


class Rss:
    """One feed into the table `entries`, each entry once."""

    name: ClassVar[str] = "rss"
    title: ClassVar[str] = "RSS and Atom"
    description: ClassVar[str] = (
        "The entries of an RSS or Atom feed. An unchanged feed is not transferred again."
    )
    default_update_frequency_minutes: ClassVar[int] = 60
    min_update_frequency_minutes: ClassVar[int] = 5
    max_concurrent_fetches: ClassVar[int] = 20

    class Config(contract.Config):
        """A feed."""

        url: Annotated[
            str,
            StringConstraints(
                pattern=r"^https?://[^\s\x00-\x1f\x7f/?#]+[^\s\x00-\x1f\x7f]*$", max_length=2048
            ),
            Field(description="Address of the feed, http or https."),
        ]
        max_entries: Annotated[
            int,
            Field(ge=1, le=10_000, description="At most so many entries of one fetch."),
        ] = 1000

    class Credentials(contract.Credentials):
        """A feed needs none."""

    def fetch_data(
        self,
        config: Config,
        credentials: Credentials,  # noqa: ARG002  (a feed needs none)
        context: contract.Context,
    ) -> Any:
        import dlt

        @dlt.resource(name="entries", write_disposition="merge", primary_key="id", columns=_COLUMNS)
        def entries() -> Iterator[list[dict[str, Any]]]:
            # In the same package as the records: either both arrive or neither, so a validator
            # is never remembered for entries that were lost.
            state = dlt.current.resource_state()
            yield from _fetch(config, context, state)

        return entries


_COLUMNS: Any = {
    "id": {"data_type": "text", "nullable": False},
    "title": {"data_type": "text"},
    "link": {"data_type": "text"},
    "author": {"data_type": "text"},
    "summary": {"data_type": "text"},
    "content": {"data_type": "text"},
    "tags": {"data_type": "json"},
    "published_at": {"data_type": "timestamp", "timezone": True},
    "updated_at": {"data_type": "timestamp", "timezone": True},
    "feed_url": {"data_type": "text"},
}


def _fetch(
    config: Rss.Config, context: contract.Context, state: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    headers = {
        "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.8"
    }
    # The validators belong to one address: with another one they would hide a whole feed.
    mark = hashlib.sha256(config.url.encode()).hexdigest()[:16]
    known = state.get("validators", {})
    if known.get("for") == mark:
        if known.get("etag"):
            headers["If-None-Match"] = known["etag"]
        if known.get("lastModified"):
            headers["If-Modified-Since"] = known["lastModified"]
    response = context.session().get(config.url, headers=headers)
    if response.status_code == 304:
        context.log.info("The feed has not changed.")
        return
    response.raise_for_status()

    records = _records(response.content, response.headers, config, response.url)
    state["validators"] = {
        "for": mark,
        "etag": response.headers.get("ETag", "")[:512],
        "lastModified": response.headers.get("Last-Modified", "")[:64],
    }
    if records:
        yield records


def _records(body: bytes, headers: Any, config: Rss.Config, url: str) -> list[dict[str, Any]]:
    import feedparser

    kind = headers.get("Content-Type", "no content type").split(";")[0].strip()[:60]
    # Bytes, never the address: feedparser would fetch that itself, without any bound.
    feed = feedparser.parse(
        body,
        response_headers={"content-type": headers.get("Content-Type", ""), "content-location": url},
    )
    if not feed.version:
        raise PermanentError(
            f"{show(url)} is neither RSS nor Atom (it answers with {kind}): config.url must be the "
            "address of the feed itself.",
            reason="InvalidConfig",
        )
    if feed.bozo and not feed.entries:
        raise TransientError(f"The feed of {show(url)} breaks off or is not valid XML.")
    records: dict[str, dict[str, Any]] = {}
    for entry in feed.entries[: config.max_entries]:
        record = _record(entry, config.url)
        # A feed may hold an id twice; the first is the newer one, as feeds run backwards.
        records.setdefault(record["id"], record)
    return list(records.values())


def _record(entry: Any, feed_url: str) -> dict[str, Any]:
    contents = entry.get("content") or []
    published = _time(entry.get("published_parsed"))
    return {
        "id": _identity(entry),
        "title": _text(entry.get("title")),
        "link": _text(entry.get("link")),
        "author": _text(entry.get("author")),
        "summary": _text(entry.get("summary")),
        "content": _text(contents[0].get("value")) if contents else None,
        "tags": [tag["term"] for tag in entry.get("tags") or [] if tag.get("term")] or None,
        "published_at": published,
        "updated_at": _time(entry.get("updated_parsed")) or published,
        "feed_url": show(feed_url),
    }


def _identity(entry: Any) -> str:
    given = entry.get("id") or entry.get("link")
    if given:
        return str(given)[:2048]
    # Without guid and link an entry is what it says.
    words = "\0".join(str(entry.get(key, "")) for key in ("title", "published", "summary"))
    return "sha256:" + hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:MAX_TEXT]


def _time(value: struct_time | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime(*value[:6], tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
