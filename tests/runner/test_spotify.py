"""`spotify` from end to end, against a service that answers as the Web API does."""

import base64
import json
import signal

import pytest

from spark_plugins.testing import Answer, json_answer

SCHEMA = "team_a_alice"


def track(number, **more):
    return {
        "type": "track",
        "id": f"t{number}",
        "uri": f"spotify:track:t{number}",
        "name": f"Song {number}",
        "artists": [{"id": "a1", "name": "Alice"}, {"id": "a2", "name": "Bob"}],
        "album": {"id": "b1", "name": "Album", "release_date": "1999", "available_markets": ["DE"]},
        "external_ids": {"isrc": f"DE{number}"},
        "duration_ms": 1000 * number,
        "explicit": False,
        "available_markets": ["DE", "FR"],
        **more,
    }


def play(minute, number):
    return {
        "played_at": f"2026-11-24T{10 + minute // 60:02}:{minute % 60:02}:00.000Z",
        "track": track(number),
        "context": {"type": "playlist", "uri": "spotify:playlist:p1"},
    }


class Account:
    """The part of Spotify that a test scripts: what an account holds, in pages of two."""

    page = 2

    def __init__(self, service):
        self.service = service
        self.plays, self.saved, self.playlists, self.items = [], [], [], {}
        self.token = {"access_token": "canary-access", "token_type": "Bearer", "expires_in": 3600}
        service.on("/accounts/api/token", lambda request: json_answer(self.token))
        service.on("/v1/me/player/recently-played", self._plays)
        service.on("/v1/me/tracks", lambda request: self._list(request, self.saved))
        service.on("/v1/me/playlists", lambda request: self._list(request, self.playlists))

    def playlist(self, identity, version, *tracks, **more):
        self.playlists = [p for p in self.playlists if p["id"] != identity]
        self.playlists.append(
            {
                "id": identity,
                "uri": f"spotify:playlist:{identity}",
                "name": f"List {identity}",
                "owner": {"id": "alice", "display_name": "Alice"},
                "snapshot_id": version,
                "public": False,
                "collaborative": False,
                **more,
            }
        )
        entries = [
            {"added_at": "2026-11-01T00:00:00Z", "added_by": {"id": "alice"}, "item": item}
            for item in tracks
        ]
        self.service.on(
            f"/v1/playlists/{identity}/items", lambda request: self._list(request, entries)
        )

    def _plays(self, request):
        after = int(request.query.get("after", 0))
        return json_answer(
            {
                "items": [p for p in self.plays if _ms(p["played_at"]) > after],
                "next": None,
                "cursors": None,
            }
        )

    def _list(self, request, entries):
        start = int(request.query.get("offset", 0))
        end = start + self.page
        path = f"{self.service.url}{request.path}?offset={end}&limit={self.page}"
        return json_answer(
            {
                "items": entries[start:end],
                "next": path if end < len(entries) else None,
                "total": len(entries),
            }
        )

    def asked(self, path):
        return [request for request in self.service.requests if request.path == path]


def _ms(text):
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.fixture
def account(service):
    return Account(service)


@pytest.fixture
def spotify(pod, service):
    pod.service = "spotify"
    pod.secret(client_id="app-id", client_secret="canary-client", refresh_token="canary-refresh")
    pod.environment["TEST_ADDRESSES"] = json.dumps(
        {
            "spark_plugins.spotify.web_api:ACCOUNTS_URL": f"{service.url}/accounts",
            "spark_plugins.spotify.web_api:API_URL": f"{service.url}/v1",
        }
    )
    return pod


def unseen(ended):
    assert "canary" not in ended.stdout + ended.stderr + ended.raw.decode()


def test_plays_saved_tracks_and_playlists_arrive(spotify, account):
    account.plays = [play(5, 2), play(1, 1)]
    account.saved = [
        {"added_at": f"2026-11-0{day}T00:00:00Z", "track": track(day)} for day in (3, 2, 1)
    ]
    episode = {
        "type": "episode",
        "id": "e1",
        "uri": "spotify:episode:e1",
        "name": "Talk",
        "show": {"id": "s1", "name": "Show"},
    }
    account.playlist("p1", "v1", track(1), track(1), None, episode)
    ended = spotify.fetch()
    assert ended.message == {"rows": 2 + 3 + 1 + 4}
    assert spotify.rows(
        f"SELECT epoch_ms(played_at), uri, name, artists::VARCHAR, album_name, isrc, context_uri "
        f"FROM {SCHEMA}.recently_played ORDER BY played_at"
    ) == [
        (
            _ms("2026-11-24T10:01:00Z"),
            "spotify:track:t1",
            "Song 1",
            '["Alice","Bob"]',
            "Album",
            "DE1",
            "spotify:playlist:p1",
        ),
        (
            _ms("2026-11-24T10:05:00Z"),
            "spotify:track:t2",
            "Song 2",
            '["Alice","Bob"]',
            "Album",
            "DE2",
            "spotify:playlist:p1",
        ),
    ]
    assert spotify.rows(f"SELECT count(*), epoch_ms(min(saved_at)) FROM {SCHEMA}.saved_tracks") == [
        (3, _ms("2026-11-01T00:00:00Z"))
    ]
    assert spotify.rows(
        f"SELECT position, type, uri, show_name FROM {SCHEMA}.playlist_items ORDER BY position"
    ) == [
        (0, "track", "spotify:track:t1", None),
        (1, "track", "spotify:track:t1", None),
        (2, None, None, None),
        (3, "episode", "spotify:episode:e1", "Show"),
    ]
    assert spotify.rows(f"SELECT id, name, owner FROM {SCHEMA}.playlists") == [
        ("p1", "List p1", "Alice")
    ]
    token = account.asked("/accounts/api/token")
    assert [request.body for request in token] == [
        b"grant_type=refresh_token&refresh_token=canary-refresh"
    ]
    basic = base64.b64encode(b"app-id:canary-client").decode()
    assert token[0].header("Authorization") == f"Basic {basic}"
    others = [request for request in account.service.requests if request not in token]
    assert {request.header("Authorization") for request in others} == {"Bearer canary-access"}
    unseen(ended)


def test_plays_are_asked_for_from_an_hour_before_the_newest_one_known(spotify, account):
    spotify.config = {"parts": ["recentlyPlayed"]}
    account.plays = [play(120, 1)]
    spotify.fetch()
    account.plays = [play(130, 3), play(120, 1), play(90, 2), play(0, 9)]
    assert spotify.fetch().message == {"rows": 3}
    first, second = account.asked("/v1/me/player/recently-played")
    assert "after" not in first.query
    assert second.query["after"] == str(_ms("2026-11-24T11:00:00Z"))
    # The late one arrived, none is there twice.
    assert spotify.rows(f"SELECT uri FROM {SCHEMA}.recently_played ORDER BY played_at") == [
        ("spotify:track:t2",),
        ("spotify:track:t1",),
        ("spotify:track:t3",),
    ]


def test_plays_that_spotify_may_have_forgotten_are_spoken_of(spotify, account):
    spotify.config = {"parts": ["recentlyPlayed"]}
    account.plays = [play(0, 1)]
    assert spotify.fetch().message == {"rows": 1}
    account.plays = [play(minute, minute) for minute in range(60, 10, -1)]
    ended = spotify.fetch()
    assert ended.message["rows"] == 50
    assert "lower spec.updateFrequencyMinutes" in ended.said


def test_an_account_that_played_nothing_or_hides_it_is_no_error(spotify, account):
    spotify.config = {"parts": ["recentlyPlayed"]}
    account.service.on("/v1/me/player/recently-played", Answer(204))
    ended = spotify.fetch()
    assert ended.exit == 0
    assert "brought no records" in ended.said


def test_only_newly_saved_tracks_are_read_and_the_whole_list_where_the_numbers_differ(
    spotify, account
):
    spotify.config = {"parts": ["savedTracks"]}

    def saved(*numbers):
        account.saved = [
            {"added_at": f"2026-11-{number:02}T00:00:00Z", "track": track(number)}
            for number in numbers
        ]
        account.service.requests.clear()
        ended = spotify.fetch()
        assert ended.exit == 0
        return ended.message["rows"], len(account.asked("/v1/me/tracks"))

    assert saved(5, 4, 3, 2, 1) == (5, 3)
    assert saved(5, 4, 3, 2, 1) == (0, 1)
    assert saved(6, 5, 4, 3, 2, 1) == (1, 1)
    # 4 was taken out: then nothing is taken for granted.
    assert saved(6, 5, 3, 2, 1)[0] == 5
    assert saved(6, 5, 3, 2, 1) == (0, 1)
    assert spotify.rows(f"SELECT count(*) FROM {SCHEMA}.saved_tracks") == [(6,)]


def test_a_list_that_shrinks_while_it_is_read_is_read_again(spotify, account):
    spotify.config = {"parts": ["savedTracks"]}
    account.saved = [
        {"added_at": f"2026-11-{number:02}T00:00:00Z", "track": track(number)}
        for number in (5, 4, 3, 2, 1)
    ]

    def first_goes(request):
        answer = account._list(request, account.saved)
        if len(account.asked("/v1/me/tracks")) == 1:
            del account.saved[0]
        return answer

    account.service.on("/v1/me/tracks", first_goes)
    assert spotify.fetch().exit == 0
    assert spotify.rows(f"SELECT uri FROM {SCHEMA}.saved_tracks ORDER BY uri") == [
        (f"spotify:track:t{number}",) for number in (1, 2, 3, 4)
    ]


def test_a_playlist_is_read_again_only_when_it_changed_and_what_left_it_is_removed(
    spotify, account
):
    spotify.config = {"parts": ["playlists"]}
    account.playlist("p1", "v1", track(1), track(2), track(3))
    account.playlist("p2", "v1", track(9))
    assert spotify.fetch().message == {"rows": 2 + 4}
    account.service.requests.clear()
    assert spotify.fetch().message == {"rows": 0}
    assert [request.path for request in account.service.requests] == [
        "/accounts/api/token",
        "/v1/me/playlists",
    ]
    account.playlist("p1", "v2", track(3), track(1), name="Renamed")
    account.playlists = [p for p in account.playlists if p["id"] == "p1"]
    assert spotify.fetch().exit == 0
    assert spotify.rows(
        f"SELECT playlist_id, position, uri FROM {SCHEMA}.playlist_items ORDER BY 1, 2"
    ) == [("p1", 0, "spotify:track:t3"), ("p1", 1, "spotify:track:t1")]
    assert spotify.rows(f"SELECT id, name, snapshot_id FROM {SCHEMA}.playlists") == [
        ("p1", "Renamed", "v2")
    ]


@pytest.mark.parametrize("status", [403, 404])
def test_a_followed_playlist_whose_items_are_not_shown_is_there_without_them(
    spotify, account, status
):
    spotify.config = {"parts": ["playlists"]}
    account.playlist("p1", "v1", track(1))
    account.playlist("p2", "v1")
    account.service.on(
        "/v1/playlists/p2/items",
        json_answer({"error": {"status": status, "message": "Forbidden"}}, status),
    )
    assert spotify.fetch().message == {"rows": 3}


def test_items_are_also_read_under_the_name_that_they_had_before_2026(spotify, account):
    spotify.config = {"parts": ["playlists"]}
    account.playlist("p1", "v1")
    account.service.on(
        "/v1/playlists/p1/items",
        json_answer({"items": [{"track": track(4)}], "next": None, "total": 1}),
    )
    assert spotify.fetch().exit == 0
    assert spotify.rows(f"SELECT uri FROM {SCHEMA}.playlist_items") == [("spotify:track:t4",)]


def test_a_rotated_refresh_token_is_spoken_of_and_seen_nowhere(spotify, account):
    account.plays = [play(1, 1)]
    account.token["refresh_token"] = "canary-rotated"
    ended = spotify.fetch()
    assert (ended.exit, ended.message["rows"]) == (0, 1)
    assert "a new refresh token, which is not saved" in ended.said
    unseen(ended)


def test_it_is_spoken_of_even_if_the_fetch_fails_after_it(spotify, account):
    account.token["refresh_token"] = "canary-rotated"
    account.service.on(
        "/v1/me/player/recently-played", Answer(500, b"canary-access canary-rotated")
    )
    ended = spotify.fetch()
    assert ended.exit == 1
    assert "status 500" in ended.said
    assert "a new refresh token" in ended.said
    unseen(ended)


def test_it_is_spoken_of_even_if_kubernetes_ends_the_fetch_after_it(spotify, account):
    account.token["refresh_token"] = "canary-rotated"
    account.service.on("/v1/me/player/recently-played", Answer(hang=True))
    process = spotify.start()
    account.service.wait_for(2)
    process.send_signal(signal.SIGTERM)
    ended = spotify.end(process)
    assert ended.exit == 12
    assert "SIGTERM" in ended.said
    assert "a new refresh token" in ended.said
    unseen(ended)


def test_the_same_refresh_token_again_is_nothing_to_speak_of(spotify, account):
    account.plays = [play(1, 1)]
    account.token["refresh_token"] = "canary-refresh"
    assert spotify.fetch().message == {"rows": 1}


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (400, "invalid_grant", "the key refresh_token is not accepted any more"),
        (400, "invalid_client", "the keys client_id and client_secret are not accepted"),
        (401, "invalid_client", "the keys client_id and client_secret are not accepted"),
        (403, "other", "the client or its grant is not accepted"),
    ],
)
def test_what_the_accounts_service_refuses_names_the_key_and_the_command(
    spotify, account, status, error, says
):
    account.service.on(
        "/accounts/api/token",
        json_answer({"error": error, "error_description": "canary-refresh revoked"}, status),
    )
    ended = spotify.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert says in ended.said
    assert "Then fetch with kubectl annotate integration alice" in ended.said
    unseen(ended)


def test_a_scope_that_was_not_allowed_is_named(spotify, account):
    account.service.on(
        "/v1/me/player/recently-played",
        json_answer({"error": {"status": 403, "message": "Insufficient client scope"}}, 403),
    )
    ended = spotify.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "user-read-recently-played" in ended.said


@pytest.mark.parametrize("path", ["/accounts/api/token", "/v1/me/tracks"])
def test_a_limit_of_requests_is_handed_on_with_its_time(spotify, account, path):
    account.service.on(path, Answer(429, b"", {"Retry-After": "77"}))
    ended = spotify.fetch()
    assert (ended.exit, ended.message["retryAfterSeconds"]) == (11, 77)
    assert len(account.asked(path)) == 1


@pytest.mark.parametrize(
    ("path", "answer", "exit_code"),
    [
        ("/accounts/api/token", Answer(503), 1),
        ("/accounts/api/token", Answer(200, b"<html>"), 10),
        ("/accounts/api/token", json_answer({}), 10),
        ("/v1/me/tracks", Answer(500), 1),
        ("/v1/me/tracks", Answer(200, b"[]"), 1),
        ("/v1/me/tracks", json_answer({"items": None}), 1),
        ("/v1/me/tracks", json_answer({"items": [{}], "next": None, "total": 1}), 1),
        ("/v1/me/tracks", Answer(401), 10),
        ("/v1/me/tracks", Answer(200, b"half", {"Content-Length": "100"}), 1),
    ],
)
def test_every_other_fault_has_its_class_and_loads_nothing(
    spotify, account, path, answer, exit_code
):
    account.plays = [play(1, 1)]
    account.service.on(path, answer)
    ended = spotify.fetch()
    assert ended.exit == exit_code
    assert "Unexpected" not in ended.said
    unseen(ended)
    account.saved = []
    account = Account(account.service)
    account.plays = [play(1, 1)]
    assert spotify.fetch().exit == 0
    assert spotify.rows(f"SELECT count(*) FROM {SCHEMA}.recently_played") == [(1,)]


def test_pages_that_lead_to_another_host_or_in_a_circle_end_with_an_error(spotify, account):
    spotify.config = {"parts": ["savedTracks"]}
    entry = {"added_at": "2026-11-01T00:00:00Z", "track": track(1)}
    for following, says in (
        ("http://127.0.0.2:1/v1/me/tracks", "127.0.0.2"),
        (f"{account.service.url}/v1/me/tracks?offset=0", "in a circle"),
    ):
        account.service.on(
            "/v1/me/tracks", json_answer({"items": [entry], "next": following, "total": 9})
        )
        ended = spotify.fetch()
        assert ended.exit == 10
        assert says in ended.said


def test_a_missing_key_is_named(spotify, account):
    (spotify.base / "credentials" / "client_secret").unlink()
    ended = spotify.fetch()
    assert ended.exit == 10
    assert 'no key "client_secret"' in ended.said
    assert account.service.requests == []


def test_removals_reach_postgresql_too(spotify, account, warehouse, postgres):
    warehouse.service, warehouse.config = "spotify", {"parts": ["playlists"]}
    assert warehouse is spotify
    account.playlist("p1", "v1", track(1), track(2))
    assert spotify.fetch().message == {"rows": 3}
    account.playlist("p1", "v2", track(2))
    assert spotify.fetch().exit == 0
    assert postgres.rows(
        f"SELECT position, uri FROM {spotify.destination['dataset']}.playlist_items"
    ) == [(0, "spotify:track:t2")]
