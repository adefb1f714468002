"""`spotify`: the playlists of an account behind OAuth, each with one track.

A record is a playlist, and another version of it a new name, snapshot and track. What is played and
saved cannot be edited, and is in tests/runner/test_spotify.py.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from spark_plugins.testing import Answer, Request, json_answer
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene

CLIENT, SECRET, REFRESH = "canary-app-77e0", "canary-0c4d-secret", "canary-e812-refresh-token"
ACCESS = "canary-39fb-access-token"
BASIC = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()


class SpotifyAdapter(Adapter):
    plugin = "spotify"
    table, key, value = "playlists", "id", "name"
    credentials: ClassVar = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": REFRESH}
    skips = "unchanged records"
    removes = True

    def config(self, url: str) -> dict[str, Any]:
        return {"parts": ["playlists"]}

    def addresses(self, url: str) -> dict[str, str]:
        return {
            "spark_plugins.spotify.web_api:ACCOUNTS_URL": f"{url}/accounts",
            "spark_plugins.spotify.web_api:API_URL": f"{url}/v1",
        }

    def counts(self, request: Request) -> bool:
        return request.path.startswith("/v1/")

    def answer(self, request: Request, scene: Scene) -> Answer:
        if request.path == "/accounts/api/token":
            if request.header("Authorization") != f"Basic {BASIC}":
                return json_answer({"error": "invalid_client"}, 400)
            return json_answer({"access_token": ACCESS, "expires_in": 3600})
        if request.header("Authorization") != f"Bearer {ACCESS}":
            return Answer(401)
        if request.path == "/v1/me/playlists":
            return self._playlists(request, scene)
        paths = {f"/v1/playlists/p{one.number}/items": one for one in scene.records}
        if request.path not in paths:
            return Answer(404)
        record = paths[request.path]
        track = {"type": "track", "uri": f"spotify:track:{record.version}", "name": record.text}
        return json_answer({"items": [{"item": track}], "next": None, "total": 1})

    def _playlists(self, request: Request, scene: Scene) -> Answer:
        pages = scene.pages()
        number = int(request.query.get("page", 1))
        following = f"http://{request.header('Host')}{request.path}?page={number + 1}"
        return json_answer(
            {
                "items": [_playlist(record, scene) for record in pages[number - 1]],
                "next": following if number < len(pages) else None,
                "total": len(scene.all()),
            }
        )

    def row(self, record: Record) -> tuple[str, str]:
        return f"p{record.number}", record.text


def _playlist(record: Record, scene: Scene) -> dict[str, Any]:
    playlist: dict[str, Any] = {
        "id": f"p{record.number}",
        "name": record.text,
        "snapshot_id": f"v{record.version}",
        "owner": {"id": "alice", "display_name": "Alice"},
        "public": False,
    }
    if scene.drift:
        playlist |= {"followers": {"total": 3}, "public": "false", "owner": None}
    return playlist
