"""The tables: plays, saved tracks, playlists and their items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import dlt
import requests

from spark_plugins.contract import Context
from spark_plugins.errors import TransientError
from spark_plugins.spotify.items import COLUMNS, Json, item_columns
from spark_plugins.spotify.web_api import PAGE_SIZE, WebApi

# A play may be reported late, by a phone that was offline. To ask for an hour twice costs nothing:
# Spotify never shows more than the last 50.
LATE_PLAYS = timedelta(hours=1)


def _columns(types: dict[str, str], *, removable: bool = False) -> Any:
    # New objects each time: dlt writes the column's name into the one it is given.
    hints: dict[str, Any] = {name: {"data_type": kind} for name, kind in types.items()}
    if removable:
        # A record with this mark never arrives: it takes away the row with its key.
        hints["removed"] = {"data_type": "bool", "hard_delete": True}
    return hints


def tables(api: WebApi, parts: Iterable[str], context: Context) -> list[Any]:
    """The resources of the chosen parts."""
    chosen = set(parts)
    found: list[Any] = []
    if "recentlyPlayed" in chosen:
        found.append(_recently_played(api, context))
    if "savedTracks" in chosen:
        found.append(_saved_tracks(api))
    if "playlists" in chosen:
        found += _playlists(api, context)
    return found


def _recently_played(api: WebApi, context: Context) -> Any:
    @dlt.resource(
        name="recently_played",
        write_disposition="merge",
        # A play is a moment and a track: two devices may end a track in the same moment.
        primary_key=("played_at", "uri"),
        columns=_columns(
            {
                **COLUMNS,
                "played_at": "timestamp",
                "context_type": "text",
                "context_uri": "text",
            }
        ),
    )
    def recently_played() -> Iterator[list[Json]]:
        state = dlt.current.resource_state()
        newest = _moment(state.get("newest"))
        params = {} if newest is None else {"after": _milliseconds(newest - LATE_PLAYS)}
        records: list[Json] = []
        for page in api.pages(
            "me/player/recently-played", scope="user-read-recently-played", **params
        ):
            # Past the last play Spotify may name a next page, which is empty.
            if not page["items"]:
                break
            records += map(_play, page["items"])
        if not records:
            return
        moments = [record["played_at"] for record in records]
        if newest is not None and len(records) >= PAGE_SIZE and min(moments) > newest:
            context.warn(
                "50 tracks or more were played since the last fetch, and Spotify remembers no "
                "more than 50: lower spec.updateFrequencyMinutes, or plays are lost."
            )
        # In the same package as the plays, so it is never ahead of them.
        state["newest"] = max(moments).isoformat()
        yield records

    return recently_played


def _play(play: Json) -> Json:
    moment, track = _moment(play.get("played_at")), item_columns(play.get("track"))
    if moment is None or not track["uri"]:
        raise TransientError("Spotify names a play without its time or its track.")
    within = play.get("context") or {}
    return {
        **track,
        "played_at": moment,
        "context_type": within.get("type"),
        "context_uri": within.get("uri"),
    }


def _saved_tracks(api: WebApi) -> Any:
    @dlt.resource(
        name="saved_tracks",
        write_disposition="merge",
        primary_key="uri",
        columns=_columns({**COLUMNS, "saved_at": "timestamp"}),
    )
    def saved_tracks() -> Iterator[list[Json]]:
        state = dlt.current.resource_state()
        newest = _moment(state.get("newest"))
        records, total = _saved(api, after=newest)
        if newest is not None and total != state.get("total", 0) + len(records):
            # One was taken out, or one came in within the same second: the whole list is sure.
            records, total = _saved(api, after=None)
        state["total"] = total
        if records:
            state["newest"] = max(record["saved_at"] for record in records).isoformat()
            yield records

    return saved_tracks


def _saved(api: WebApi, *, after: datetime | None) -> tuple[list[Json], int]:
    """The tracks saved after a moment, and how many there are in all. The newest come first."""

    def enough(items: list[Json]) -> bool:
        return after is not None and any(_save(item)["saved_at"] <= after for item in items)

    items, total = api.whole("me/tracks", scope="user-library-read", enough=enough)
    records = [_save(item) for item in items]
    return [record for record in records if after is None or record["saved_at"] > after], total


def _save(item: Json) -> Json:
    moment, track = _moment(item.get("added_at")), item_columns(item.get("track"))
    if moment is None or not track["uri"]:
        raise TransientError("Spotify names a saved track without its time or its address.")
    return {**track, "saved_at": moment}


def _playlists(api: WebApi, context: Context) -> list[Any]:
    scope = "playlist-read-private"

    @cache
    def listed() -> tuple[dict[str, Json], bool]:
        """The account's playlists by id, and whether Spotify shows all of them."""
        items, _ = api.whole("me/playlists", scope=scope)
        shown = [item for item in items if isinstance(item, dict) and item.get("id")]
        return {item["id"]: item for item in shown}, len(shown) == len(items)

    @dlt.resource(
        name="playlists",
        write_disposition="merge",
        primary_key="id",
        columns=_columns(
            {
                "id": "text",
                "uri": "text",
                "name": "text",
                "description": "text",
                "owner": "text",
                "owner_id": "text",
                "public": "bool",
                "collaborative": "bool",
                "snapshot_id": "text",
            },
            removable=True,
        ),
    )
    def playlists() -> Iterator[list[Json]]:
        state = dlt.current.resource_state()
        known: dict[str, str] = state.setdefault("known", {})
        found, all_shown = listed()
        for identity, playlist in found.items():
            record = _playlist(playlist)
            digest = _digest(record)
            if known.get(identity) != digest:
                known[identity] = digest
                yield [record]
        for identity in _gone(known, found, all_shown):
            del known[identity]
            yield [{"id": identity, "removed": True}]

    @dlt.resource(
        name="playlist_items",
        write_disposition="merge",
        # By its place, since a playlist may hold a track twice.
        primary_key=("playlist_id", "position"),
        columns=_columns(
            {
                **COLUMNS,
                "playlist_id": "text",
                "position": "bigint",
                "added_at": "timestamp",
                "added_by": "text",
            },
            removable=True,
        ),
    )
    def playlist_items() -> Iterator[list[Json]]:
        state = dlt.current.resource_state()
        # The version that was read, and how many rows it made.
        known: dict[str, list[Any]] = state.setdefault("known", {})
        found, all_shown = listed()
        for identity, playlist in found.items():
            version = playlist.get("snapshot_id")
            had = known.get(identity, [None, 0])
            if version is not None and had[0] == version:
                continue
            items = _items(api, identity, scope, context)
            if items is None:
                continue
            # What was read while the playlist changed has the older version, and is read again.
            known[identity] = [version, len(items)]
            if items:
                yield items
            if len(items) < had[1]:
                yield _removals(identity, len(items), had[1])
        for identity in _gone(known, found, all_shown):
            count = known.pop(identity)[1]
            if count:
                yield _removals(identity, 0, count)

    return [playlists, playlist_items]


def _gone(known: Iterable[str], found: Iterable[str], all_shown: bool) -> list[str]:
    # Spotify lists null in place of what it cannot show just now: that has not gone.
    return sorted(set(known) - set(found)) if all_shown else []


def _removals(playlist: str, start: int, end: int) -> list[Json]:
    return [
        {"playlist_id": playlist, "position": position, "removed": True}
        for position in range(start, end)
    ]


def _items(api: WebApi, playlist: str, scope: str, context: Context) -> list[Json] | None:
    """The rows of a playlist, or None where the account may see that it exists and no more."""
    try:
        entries, _ = api.whole(f"playlists/{playlist}/items", scope=scope)
    except requests.HTTPError as error:
        # Playlists of others that the account follows; or it was deleted a moment ago.
        if error.response is not None and error.response.status_code in (403, 404):
            context.log.info("The items of playlist %s are not shown to this account.", playlist)
            return None
        raise
    return [
        {
            # Spotify calls it `item` since 2026, and `track` before.
            **item_columns(entry.get("item") or entry.get("track")),
            "playlist_id": playlist,
            "position": position,
            "added_at": _moment(entry.get("added_at")),
            "added_by": (entry.get("added_by") or {}).get("id"),
        }
        for position, entry in enumerate(entries)
    ]


def _playlist(playlist: Json) -> Json:
    owner = playlist.get("owner") or {}
    return {
        **{
            name: playlist.get(name)
            for name in (
                "id",
                "uri",
                "name",
                "description",
                "public",
                "collaborative",
                "snapshot_id",
            )
        },
        "owner": owner.get("display_name"),
        "owner_id": owner.get("id"),
    }


def _digest(record: Json) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
