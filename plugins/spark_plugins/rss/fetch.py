"""Asking the feeds, each only for what is new, and none at the cost of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dlt
import requests

from spark_plugins.contract import Context
from spark_plugins.errors import PluginError
from spark_plugins.http import show
from spark_plugins.rss.entries import Json, feed_identity, parse

if TYPE_CHECKING:
    from spark_plugins.rss import Rss

ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.8"

# A message has room for so many.
SHOWN_FAILURES = 3


def entries(config: Rss.Config, context: Context) -> Any:
    """The one resource."""

    @dlt.resource(
        name="entries",
        write_disposition="merge",
        # What is a guid in one feed may be another's: some just count.
        primary_key=("feed_id", "id"),
        columns={
            "feed_id": {"data_type": "text"},
            "id": {"data_type": "text"},
            "title": {"data_type": "text"},
            "link": {"data_type": "text"},
            "author": {"data_type": "text"},
            "summary": {"data_type": "text"},
            "content": {"data_type": "text"},
            "tags": {"data_type": "json"},
            "enclosures": {"data_type": "json"},
            "published_at": {"data_type": "timestamp", "timezone": True},
            "updated_at": {"data_type": "timestamp", "timezone": True},
            "feed_url": {"data_type": "text"},
            "feed_title": {"data_type": "text"},
        },
    )
    def entries() -> Iterator[list[Json]]:
        # In the same package as the records: either both arrive or neither, so a validator is
        # never remembered for entries that were lost.
        state = dlt.current.resource_state()
        known: dict[str, dict[str, str]] = state.setdefault("feeds", {})
        session = context.session()
        session.headers["Accept"] = ACCEPT
        failures: list[tuple[str, Exception]] = []
        marks: set[str] = set()
        for url in config.feeds:
            # With another bound a validator would hide the entries beyond the old one.
            mark = f"{feed_identity(url)}/{config.max_entries}"
            marks.add(mark)
            try:
                records, validators = _read(session, url, config.max_entries, known.get(mark, {}))
            except (requests.RequestException, PluginError) as error:
                failures.append((url, error))
                continue
            known[mark] = validators
            if records:
                yield records
        if len(failures) == len(config.feeds):
            raise failures[0][1]
        for mark in set(known) - marks:
            del known[mark]
        if failures:
            # Not an error: the others would be lost with it, at each fetch, as long as it lasts.
            context.warn(_said(failures, len(config.feeds)))

    return entries


def _read(
    session: requests.Session, url: str, max_entries: int, known: dict[str, str]
) -> tuple[list[Json], dict[str, str]]:
    """The entries of a feed, none if it is unchanged, and its validators for the next time."""
    headers = {}
    if known.get("etag"):
        headers["If-None-Match"] = known["etag"]
    if known.get("lastModified"):
        headers["If-Modified-Since"] = known["lastModified"]
    response = session.get(url, headers=headers)
    if response.status_code == 304:
        return [], known
    response.raise_for_status()
    records, whole = parse(response, url, max_entries)
    if not whole:
        # Half of a feed must not count as the version that its validator names.
        return records, {}
    return records, {
        "etag": response.headers.get("ETag", "")[:512],
        "lastModified": response.headers.get("Last-Modified", "")[:64],
    }


def _said(failures: list[tuple[str, Exception]], feeds: int) -> str:
    shown = ", ".join(f"{show(url)} ({_why(error)})" for url, error in failures[:SHOWN_FAILURES])
    more = len(failures) - SHOWN_FAILURES
    return (
        f"{len(failures)} of {feeds} feeds could not be read: {shown}"
        f"{f' and {more} more' if more > 0 else ''}."
    )


def _why(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"status {error.response.status_code}"
    if isinstance(error, requests.RequestException):
        return "no complete answer"
    return "neither RSS nor Atom" if "neither" in str(error) else "not readable"
