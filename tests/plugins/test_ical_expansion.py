"""When events take place: recurrences, exceptions, zones, and calendars that nobody should write."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.ical.expand import expand
from spark_plugins.ical.record import identity, record

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*events, head=""):
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n")


def times(*events, head="", zone=BERLIN):
    """Start, summary and planned time of what takes place, in order."""
    expanded = expand([calendar(*events, head=head)], START, END, 1000)
    assert not expanded.broken
    rows = [record(occurrence, zone, "") for occurrence in expanded.occurrences]
    rows.sort(key=lambda row: row["starts_at"])
    return [
        (f"{row['starts_at']:%m-%d %H:%M}", row["summary"], row["recurrence_id"]) for row in rows
    ]


WEEKLY = """
UID:w
DTSTART;TZID=Europe/Berlin:20261012T090000
DTEND;TZID=Europe/Berlin:20261012T100000
RRULE:FREQ=WEEKLY;COUNT=4
SUMMARY:weekly
"""


def test_a_recurring_event_keeps_its_hour_when_the_clocks_change():
    assert times(WEEKLY) == [
        ("10-12 07:00", "weekly", "2026-10-12T07:00:00Z"),
        ("10-19 07:00", "weekly", "2026-10-19T07:00:00Z"),
        ("10-26 08:00", "weekly", "2026-10-26T08:00:00Z"),
        ("11-02 08:00", "weekly", "2026-11-02T08:00:00Z"),
    ]


def test_what_is_taken_out_of_a_series_does_not_take_place():
    series = WEEKLY + "EXDATE;TZID=Europe/Berlin:20261019T090000\nEXDATE:20261026T080000Z"
    assert [time for time, *_ in times(series)] == ["10-12 07:00", "11-02 08:00"]


def test_a_single_time_that_was_moved_keeps_the_time_it_was_planned_for():
    moved = """
UID:w
RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000
DTSTART;TZID=Europe/Berlin:20261021T150000
DTEND;TZID=Europe/Berlin:20261021T160000
SUMMARY:moved
"""
    assert times(WEEKLY, moved)[1] == ("10-21 13:00", "moved", "2026-10-19T07:00:00Z")
    assert len(times(WEEKLY, moved)) == 4


def test_one_moved_from_outside_into_the_window_is_there_and_one_moved_out_is_not():
    def moved(to):
        return f"""
UID:w
RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000
DTSTART;TZID=Europe/Berlin:{to}T150000
DTEND;TZID=Europe/Berlin:{to}T160000
SUMMARY:moved
"""

    assert len(times(WEEKLY, moved("20270105"))) == 3
    early = WEEKLY.replace("20261012", "20260907").replace("COUNT=4", "COUNT=3")
    exception = moved("20261105").replace("20261019T090000", "20260914T090000")
    assert times(early, exception) == [("11-05 14:00", "moved", "2026-09-14T07:00:00Z")]


def test_a_change_of_all_that_follow_gives_each_its_own_identity():
    later = """
UID:w
RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261026T090000
DTSTART;TZID=Europe/Berlin:20261026T110000
DTEND;TZID=Europe/Berlin:20261026T120000
SUMMARY:later
"""
    found = times(WEEKLY, later)
    assert [(time, summary) for time, summary, _ in found] == [
        ("10-12 07:00", "weekly"),
        ("10-19 07:00", "weekly"),
        ("10-26 10:00", "later"),
        ("11-02 10:00", "later"),
    ]
    assert len({planned for *_, planned in found}) == 4


def test_added_dates_take_place_too():
    series = WEEKLY + "RDATE;TZID=Europe/Berlin:20261015T180000"
    assert ("10-15 16:00", "weekly", "2026-10-15T16:00:00Z") in times(series)


def test_a_day_begins_where_its_owner_lives():
    day = "UID:d\nDTSTART;VALUE=DATE:20261110\nDTEND;VALUE=DATE:20261112\nSUMMARY:fair"
    expanded = expand([calendar(day)], START, END, 10)
    row = record(expanded.occurrences[0], BERLIN, "Home")
    assert row["all_day"]
    assert (row["start_date"], row["end_date"]) == (date(2026, 11, 10), date(2026, 11, 12))
    assert row["starts_at"] == datetime(2026, 11, 9, 23, tzinfo=UTC)
    assert row["ends_at"] == datetime(2026, 11, 11, 23, tzinfo=UTC)
    assert (row["time_zone"], row["recurrence_id"]) == (None, None)


def test_a_birthday_comes_each_year_on_its_day():
    birthday = "UID:b\nDTSTART;VALUE=DATE:19701103\nRRULE:FREQ=YEARLY\nSUMMARY:Ann"
    assert times(birthday) == [("11-02 23:00", "Ann", "2026-11-03")]


def test_a_time_without_zone_is_meant_where_its_owner_lives():
    floating = "UID:f\nDTSTART:20261110T080000\nDURATION:PT90M\nSUMMARY:run"
    assert times(floating) == [("11-10 07:00", "run", None)]
    assert times(floating, zone=UTC) == [("11-10 08:00", "run", None)]


def test_zones_are_found_by_their_definition_and_by_the_name_that_windows_gives_them():
    defined = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0300
TZOFFSETTO:+0300
END:STANDARD
END:VTIMEZONE
"""
    assert times("UID:a\nDTSTART;TZID=Ours:20261110T080000\nSUMMARY:x", head=defined) == [
        ("11-10 05:00", "x", None)
    ]
    windows = "UID:a\nDTSTART;TZID=W. Europe Standard Time:20261110T080000\nSUMMARY:x"
    assert times(windows) == [("11-10 07:00", "x", None)]


def test_an_event_that_overlaps_the_edge_of_the_window_is_in_it():
    long = "UID:l\nDTSTART:20260920T000000Z\nDTEND:20261002T000000Z\nSUMMARY:long"
    over = "UID:o\nDTSTART:20260920T000000Z\nDTEND:20260922T000000Z\nSUMMARY:over"
    assert [summary for _, summary, _ in times(long, over)] == ["long"]


def test_an_event_is_a_row_with_what_the_calendar_says_of_it():
    full = """
UID:full
DTSTART:20261110T080000Z
DTEND:20261110T090000Z
SUMMARY:Plan\\, with commas
DESCRIPTION:Two\\nlines
LOCATION:Room 1
STATUS:CANCELLED
TRANSP:TRANSPARENT
ORGANIZER;CN=Ann:mailto:ann@example.com
ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.com
CATEGORIES:work,plan
SEQUENCE:3
LAST-MODIFIED:20261001T000000Z
URL:https://example.com/x
"""
    expanded = expand([calendar(full)], START, END, 10)
    row = record(expanded.occurrences[0], UTC, "Home")
    assert row == {
        "id": identity("full", ""),
        "uid": "full",
        "recurrence_id": None,
        "summary": "Plan, with commas",
        "description": "Two\nlines",
        "location": "Room 1",
        "url": "https://example.com/x",
        "status": "CANCELLED",
        "busy": False,
        "organizer": "ann@example.com",
        "attendees": [{"address": "bob@example.com", "name": "Bob", "answer": "ACCEPTED"}],
        "categories": ["work", "plan"],
        "all_day": False,
        "starts_at": datetime(2026, 11, 10, 8, tzinfo=UTC),
        "ends_at": datetime(2026, 11, 10, 9, tzinfo=UTC),
        "start_date": None,
        "end_date": None,
        "time_zone": "UTC",
        "sequence": 3,
        "created_at": None,
        "modified_at": datetime(2026, 10, 1, tzinfo=UTC),
        "calendar": "Home",
    }


@pytest.mark.parametrize(
    "broken",
    [
        "DTSTART:20261110T080000Z\nRRULE:FREQ=NEVER",
        "DTSTART:2026",
        "SUMMARY:without a start",
        "DTSTART:20000101T080000Z\nRRULE:FREQ=SECONDLY",
        "DTSTART:20200101T080000Z\nRRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:20261110T080000Z\nRRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART:00010101T000000Z\nRRULE:FREQ=HOURLY",
        "DTSTART:20261110T080000Z\nSEQUENCE:many",
    ],
)
def test_a_broken_event_is_left_out_and_holds_up_no_other(broken):
    good = "UID:good\nDTSTART:20261110T080000Z\nSUMMARY:good"
    expanded = expand([calendar(f"UID:bad\n{broken}", good)], START, END, 1000)
    rows = []
    for occurrence in expanded.occurrences:
        try:
            rows.append(record(occurrence, UTC, ""))
        except (ValueError, TypeError, AttributeError):
            expanded.broken.add(occurrence.uid)
    assert [row["summary"] for row in rows] == ["good"]
    assert expanded.broken == {"bad"}


def test_an_event_without_uid_is_the_same_at_each_fetch():
    nameless = calendar("DTSTART:20261110T080000Z\nSUMMARY:x")
    first, second = (expand([nameless], START, END, 10).occurrences[0].uid for _ in range(2))
    assert first == second
    assert first.startswith("sha256:")


def test_more_events_than_allowed_are_an_error_and_never_a_part_of_them():
    daily = "UID:d\nDTSTART:20260101T080000Z\nRRULE:FREQ=DAILY"
    with pytest.raises(PermanentError, match="more than 60 events"):
        expand([calendar(daily)], START, END, 60)
    assert len(expand([calendar(daily)], START, END, 61).occurrences) == 61


def test_what_is_no_icalendar_is_an_error():
    with pytest.raises(TransientError, match="not valid"):
        expand(["BEGIN:VCALENDAR\r\nthis is no property\r\nEND:VCALENDAR\r\n"], START, END, 10)
