"""What a track or an episode is in a row: the same columns wherever it turns up."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# The data type of each column.
COLUMNS = {
    "type": "text",
    "id": "text",
    "uri": "text",
    "name": "text",
    "artists": "json",
    "artist_ids": "json",
    "album_name": "text",
    "album_id": "text",
    "album_release_date": "text",
    "show_name": "text",
    "show_id": "text",
    "isrc": "text",
    "duration_ms": "bigint",
    "explicit": "bool",
    "is_local": "bool",
}


def item_columns(item: Any) -> Json:
    """The columns of a track or episode; all empty for one that Spotify has taken down.

    Chosen, not all: the lists of markets and pictures are most of an answer and nobody's data.
    """
    item = item if isinstance(item, dict) else {}
    album, show = item.get("album") or {}, item.get("show") or {}
    artists = [artist for artist in item.get("artists") or [] if isinstance(artist, dict)]
    return {
        "type": item.get("type"),
        "id": item.get("id"),
        "uri": item.get("uri"),
        "name": item.get("name"),
        "artists": [artist.get("name") for artist in artists] or None,
        "artist_ids": [artist.get("id") for artist in artists] or None,
        "album_name": album.get("name"),
        "album_id": album.get("id"),
        "album_release_date": album.get("release_date"),
        "show_name": show.get("name"),
        "show_id": show.get("id"),
        "isrc": (item.get("external_ids") or {}).get("isrc"),
        "duration_ms": item.get("duration_ms"),
        "explicit": item.get("explicit"),
        "is_local": item.get("is_local"),
    }
