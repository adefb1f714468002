"""`ical` from end to end: a file and a CalDAV collection, mirrored with what left them."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from spark_plugins.testing import Answer

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
TABLE = "team_a_alice.events"


def at(days):
    return f"{NOW + timedelta(days=days):%Y%m%dT%H%M%SZ}"


def event(uid, days, more=""):
    """An event of an hour, so many days from today."""
    end = f"{NOW + timedelta(days=days, hours=1):%Y%m%dT%H%M%SZ}"
    return f"BEGIN:VEVENT\nUID:{uid}\nDTSTART:{at(days)}\nDTEND:{end}\nSUMMARY:{uid}\n{more}END:VEVENT\n"


def calendar(*events):
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Home\n{''.join(events)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
def ical(pod, service):
    pod.service = "ical"
    pod.config = {"url": f"{service.url}/home.ics"}
    return pod


def summaries(pod):
    return [row[0] for row in pod.rows(f"SELECT summary FROM {TABLE} ORDER BY starts_at, summary")]


def test_events_of_a_file_arrive_once_for_each_time_they_take_place(ical, service):
    series = event("series", 0, "RRULE:FREQ=DAILY;COUNT=3\n")
    service.on("/home.ics", Answer(200, calendar(event("one", 5), series)))
    assert ical.fetch().message == {"rows": 4}
    assert ical.fetch().message == {"rows": 4}
    rows = ical.rows(
        f"SELECT summary, epoch(starts_at), epoch(ends_at - starts_at), calendar FROM {TABLE} "
        "ORDER BY starts_at"
    )
    assert rows == [
        *(("series", (NOW + timedelta(days=day)).timestamp(), 3600, "Home") for day in (0, 1, 2)),
        ("one", (NOW + timedelta(days=5)).timestamp(), 3600, "Home"),
    ]


def test_what_vanished_from_the_calendar_is_removed_and_what_grew_old_stays(ical, service):
    ical.config |= {"pastDays": 10}
    all_of_them = [event(name, days) for name, days in (("old", -9), ("gone", -3), ("next", 3))]
    service.on("/home.ics", Answer(200, calendar(*all_of_them)))
    assert ical.fetch().message == {"rows": 3}
    # The window moves on, here by a smaller reach: the old one is outside of it now.
    ical.config |= {"pastDays": 5}
    service.on("/home.ics", Answer(200, calendar(all_of_them[0], all_of_them[2])))
    assert ical.fetch().exit == 0
    assert summaries(ical) == ["old", "next"]
    service.on("/home.ics", Answer(200, calendar()))
    assert ical.fetch().exit == 0
    assert summaries(ical) == ["old"]


def test_one_time_taken_out_of_a_series_is_removed_and_a_moved_one_is_moved(ical, service):
    rule = "RRULE:FREQ=DAILY;COUNT=3\n"
    service.on("/home.ics", Answer(200, calendar(event("s", 0, rule))))
    ical.fetch()
    moved = event("s", 2, "").replace(f"DTSTART:{at(2)}", f"DTSTART:{at(2)[:-5]}3000Z")
    moved = moved.replace("SUMMARY:s\n", f"SUMMARY:moved\nRECURRENCE-ID:{at(2)}\n")
    service.on("/home.ics", Answer(200, calendar(event("s", 0, rule + f"EXDATE:{at(1)}\n"), moved)))
    assert ical.fetch().exit == 0
    assert summaries(ical) == ["s", "moved"]


def test_an_unchanged_file_is_not_transferred_again_until_the_settings_change(ical, service):
    def versioned(request):
        if request.header("If-None-Match") == '"v1"':
            return Answer(304)
        return Answer(200, calendar(event("a", 1)), {"ETag": '"v1"'})

    service.on("/home.ics", versioned)
    assert ical.fetch().message == {"rows": 1}
    assert ical.fetch().message == {"rows": 0}
    assert summaries(ical) == ["a"]
    # Another window may hold other events of the same file.
    ical.config |= {"futureDays": 30}
    assert ical.fetch().message == {"rows": 1}


def test_an_event_that_cannot_be_read_any_more_is_spoken_of_and_its_rows_stay(ical, service):
    service.on("/home.ics", Answer(200, calendar(event("a", 1), event("b", 2))))
    ical.fetch()
    broken = event("b", 2, "RRULE:FREQ=SECONDLY;UNTIL=2\n")
    service.on("/home.ics", Answer(200, calendar(event("a", 1), broken)))
    for _ in range(2):
        ended = ical.fetch()
        assert (ended.exit, ended.message["rows"]) == (0, 1)
        assert ended.said.startswith("1 event is left out")
        assert summaries(ical) == ["a", "b"]
    service.on("/home.ics", Answer(200, calendar(event("a", 1))))
    assert ical.fetch().exit == 0
    assert summaries(ical) == ["a"]


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), 10, "no calendar"),
        (Answer(200, calendar(event("a", 1))[:-20]), 1, "breaks off"),
        (Answer(200, calendar(event("a", 1)), {"Content-Length": "9999"}), 1, "broke off"),
        (Answer(200, calendar("this is no property\n")), 1, "not valid iCalendar"),
        (Answer(404), 10, "status 404"),
        (Answer(401), 10, "status 401"),
        (Answer(503), 1, "status 503"),
        (Answer(429, b"", {"Retry-After": "55"}), 11, "55 s"),
    ],
)
def test_what_is_no_whole_calendar_removes_nothing(ical, service, answer, exit_code, says):
    service.on("/home.ics", Answer(200, calendar(event("a", 1))))
    assert ical.fetch().exit == 0
    service.on("/home.ics", answer)
    ended = ical.fetch()
    assert ended.exit == exit_code
    assert says in ended.said
    assert summaries(ical) == ["a"]


def test_a_secret_address_is_asked_and_seen_nowhere(ical, service):
    path = "/calendar/private-canary-path/basic.ics"
    ical.config = {}
    ical.secret(url=f"{service.url}{path}?key=canary-query\n")
    service.on(path, Answer(200, calendar(event("a", 1))))
    ended = ical.fetch()
    assert ended.message == {"rows": 1}
    assert "canary" not in ended.stdout + ended.stderr
    for answer in (
        Answer(404, b"canary-query"),
        Answer(500),
        Answer(302, b"", {"Location": f"{path}?key=canary-query"}),
        Answer(200, b"<html>"),
        Answer(200, b"half", {"Content-Length": "99"}),
    ):
        service.on(path, answer)
        ended = ical.fetch()
        assert ended.exit != 0
        assert "canary" not in ended.stdout + ended.stderr + ended.raw.decode()
    # Nor is it kept in the destination.
    ical.rows("SELECT 1")
    (file,) = (ical.base / "data").glob("*.duckdb")
    assert b"canary" not in file.read_bytes()


@pytest.mark.parametrize(
    ("config", "secret", "says"),
    [
        ({}, {}, "one of the two"),
        ({"url": "https://x.example/"}, {"url": "https://y.example/"}, "one of the two"),
        ({}, {"url": "canary nonsense"}, 'key "url" of the Secret is not'),
        ({"url": "https://x.example/"}, {"username": "a"}, 'no key "password"'),
        ({"url": "https://u:p@x.example/"}, {}, "config"),
        ({"url": "file:///etc/passwd"}, {}, "config"),
        ({"url": "https://x.example/", "timeZone": "Mars/Base"}, {}, "is no time zone"),
    ],
)
def test_what_cannot_be_meant_is_refused(ical, config, secret, says):
    ical.config = config
    ical.secret(**secret)
    ended = ical.fetch()
    assert ended.exit == 10
    assert says in ended.said
    assert "canary" not in ended.said


class Collection:
    """A CalDAV collection as servers show it."""

    def __init__(self, service):
        self.objects, self.ctag, self.broken = {}, "1", None
        service.on("/dav/alice/home/", self._answer)
        service.on("/dav/alice/", self._folder)
        self.service = service

    def _answer(self, request):
        if request.header("Authorization") != BASIC:
            return Answer(401)
        if request.method == "PROPFIND":
            return multistatus(self._properties())
        assert request.header("Depth") == "1"
        if self.broken is not None:
            return self.broken
        return multistatus(
            *(
                f"<d:response><d:href>/dav/alice/home/{name}</d:href><d:propstat><d:prop>"
                f"<c:calendar-data><![CDATA[{text.decode()}]]></c:calendar-data></d:prop>"
                "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
                for name, text in self.objects.items()
            )
        )

    def _properties(self):
        return (
            "<d:response><d:href>/dav/alice/home/</d:href><d:propstat><d:prop><d:resourcetype>"
            "<d:collection/><c:calendar/></d:resourcetype><d:displayname>Home</d:displayname>"
            f"<s:getctag>{self.ctag}</s:getctag></d:prop><d:status>HTTP/1.1 200 OK</d:status>"
            "</d:propstat><d:propstat><d:prop><d:sync-token/></d:prop>"
            "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>"
        )

    def _folder(self, request):
        folder = (
            "<d:response><d:href>/dav/alice/</d:href><d:propstat><d:prop><d:resourcetype>"
            "<d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status>"
            "</d:propstat></d:response>"
        )
        below = self._properties() if request.header("Depth") == "1" else ""
        return multistatus(folder, below)


BASIC = "Basic " + base64.b64encode(b"alice@home.example:canary-app-word").decode()


def multistatus(*responses):
    body = (
        '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" '
        'xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/">'
        f"{''.join(responses)}</d:multistatus>"
    )
    return Answer(207, body.encode(), {"Content-Type": "application/xml"})


@pytest.fixture
def collection(service):
    return Collection(service)


@pytest.fixture
def caldav(ical, service, collection):
    ical.config = {"protocol": "caldav", "url": f"{service.url}/dav/alice/home/"}
    ical.secret(username="alice@home.example", password="canary-app-word")
    return ical


def test_a_caldav_collection_is_mirrored_and_asked_in_full_only_when_it_changed(caldav, collection):
    series = calendar(event("s", 0, "RRULE:FREQ=DAILY;COUNT=2\n"))
    collection.objects = {"a.ics": calendar(event("a", 3)), "s.ics": series}
    ended = caldav.fetch()
    assert ended.message == {"rows": 3}
    assert summaries(caldav) == ["s", "s", "a"]
    assert [request.method for request in collection.service.requests] == ["PROPFIND", "REPORT"]
    report = collection.service.requests[1].body.decode()
    start, end = re.search(r'start="(\w+)" end="(\w+)"', report).groups()
    assert start == f"{NOW - timedelta(days=30):%Y%m%dT000000Z}"
    assert end == f"{NOW + timedelta(days=366):%Y%m%dT000000Z}"
    collection.service.requests.clear()
    assert caldav.fetch().message == {"rows": 0}
    assert [request.method for request in collection.service.requests] == ["PROPFIND"]
    collection.ctag = "2"
    del collection.objects["a.ics"]
    assert caldav.fetch().exit == 0
    assert summaries(caldav) == ["s", "s"]
    assert "canary" not in ended.stdout + ended.stderr


def test_a_folder_of_calendars_is_refused_with_the_calendars_in_it(caldav, service):
    caldav.config |= {"url": f"{service.url}/dav/alice/"}
    ended = caldav.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "the calendars below it are /dav/alice/home/" in ended.said


def test_a_wrong_app_password_names_the_secret(caldav, collection):
    caldav.secret(username="alice@home.example", password="canary-wrong")
    ended = caldav.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'Secret "alice-secret"' in ended.said
    assert "canary" not in ended.said + ended.stderr


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        (Answer(200, b"<html>"), 10, "does not speak CalDAV"),
        (Answer(207, b"<d:multi"), 1, "breaks off"),
        (Answer(207, b"<x/>"), 1, "no multistatus"),
        (Answer(207, BOMB), 10, "entities"),
        (
            multistatus("<d:response><d:status>HTTP/1.1 507 Full</d:status></d:response>"),
            10,
            "so many events",
        ),
        (Answer(500), 1, "status 500"),
        (Answer(429, b"", {"Retry-After": "7"}), 11, "7 s"),
        (Answer(301, b"", {"Location": "http://127.0.0.2:1/x"}), 10, "127.0.0.2"),
    ],
)
def test_what_is_no_whole_answer_removes_nothing_either(
    caldav, collection, answer, exit_code, says
):
    collection.objects = {"a.ics": calendar(event("a", 3))}
    assert caldav.fetch().exit == 0
    collection.ctag, collection.broken = "2", answer
    ended = caldav.fetch()
    assert ended.exit == exit_code
    assert says in ended.said
    assert summaries(caldav) == ["a"]


def test_removals_reach_postgresql_too(ical, service, warehouse, postgres):
    warehouse.service, warehouse.config = "ical", {"url": f"{service.url}/home.ics"}
    day = f"BEGIN:VEVENT\nUID:d\nDTSTART;VALUE=DATE:{NOW:%Y%m%d}\nSUMMARY:day\nEND:VEVENT\n"
    service.on("/home.ics", Answer(200, calendar(event("a", 1), day)))
    assert warehouse.fetch().message == {"rows": 2}
    service.on("/home.ics", Answer(200, calendar(day)))
    assert warehouse.fetch().exit == 0
    assert postgres.rows(
        f"SELECT summary, all_day, start_date::text FROM {warehouse.destination['dataset']}.events"
    ) == [("day", True, f"{NOW:%Y-%m-%d}")]


def test_the_state_of_a_calendar_holds_no_address(caldav, collection):
    collection.objects = {"a.ics": calendar(event("a", 3))}
    caldav.fetch()
    (state,) = caldav.rows(
        "SELECT state FROM team_a_alice._dlt_pipeline_state ORDER BY version DESC LIMIT 1"
    )[0]
    import zlib

    text = zlib.decompress(base64.b64decode(state)).decode()
    assert "known" in json.dumps(text)
    assert "/dav/alice" not in text
