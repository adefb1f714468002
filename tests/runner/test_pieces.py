"""Large fetches in pieces: what is loaded stays, and the next attempt goes on from there."""

import signal

import pytest

from spark_plugins.testing import Answer, json_answer

DAYS = [f"2026-01-{day:02}T00:00:00Z" for day in range(1, 32)]


def serve(service, days=DAYS, *, hangs_after=None, size=3, changed=""):
    """Events in order, a page of three each; `hangs_after`: so many requests for events."""
    asked = []

    def events(request):
        since = request.query["since"]
        asked.append(since)
        if hangs_after is not None and len(asked) > hangs_after:
            return Answer(hang=True)
        later = [day for day in days if day >= since]
        page = [{"id": days.index(day), "at": day, "v": changed} for day in later[:size]]
        return json_answer({"events": page, "next": later[size] if later[size:] else None})

    service.on("/events", events)
    service.on("/labels", json_answer([{"id": 1}]))
    return asked


def events_of(pod):
    return pod.rows("SELECT count(*), count(DISTINCT id) FROM events")[0]


def test_a_piece_is_committed_with_its_cursor_and_what_is_whole_is_not_fetched_again(made, service):
    pod = made("Ordered", ROWS_A_PIECE="10")
    serve(service)
    ended = pod.fetch()
    assert (ended.exit, ended.said) == (0, "")
    assert events_of(pod) == (31, 31)
    assert ended.stderr.count("Loading") >= 3
    assert [r.path for r in service.requests].count("/labels") == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_first_fetch_that_is_ended_again_and_again_arrives_in_the_end(made, service, signum):
    pod = made("Ordered", ROWS_A_PIECE="6")
    starts = []
    for attempt in range(1, 5):
        asked = serve(service, hangs_after=None if attempt == 4 else 4)
        before = len(service.requests)
        process = pod.start()
        if attempt < 4:
            # Four pages of events and the labels came, and then one that does not answer.
            service.wait_for(before + (6 if attempt == 1 else 5))
            process.send_signal(signum)
        ended = pod.end(process)
        starts.append(asked[0])
        if attempt < 4 and signum == signal.SIGTERM:
            assert ended.exit == 12
            assert ended.message["rows"] > 0
            assert "are loaded and stay" in ended.said
    assert ended.exit == 0
    assert starts == sorted(set(starts)), "each attempt begins later than the one before"
    assert events_of(pod) == (31, 31)


def test_more_records_of_one_moment_than_a_piece_holds_do_not_come_for_ever(made, service):
    pod = made("Ordered", ROWS_A_PIECE="5")
    same = [{"id": number, "at": DAYS[3]} for number in range(40)]

    def events(request):
        start = int(request.query["since"]) if request.query["since"].isdigit() else 0
        following = start + 5 if start + 5 < len(same) else None
        page = {"events": same[start : start + 5], "next": following}
        return json_answer(page)

    service.on("/events", events)
    service.on("/labels", json_answer([]))
    ended = pod.fetch()
    assert ended.exit == 0
    assert events_of(pod) == (40, 40)


def test_an_author_who_keeps_the_place_is_asked_again_until_it_is_the_last(made, service):
    pod = made("Paged", ROWS_A_PIECE="4")

    def songs(request):
        page = int(request.query["page"])
        return json_answer({"songs": [{"id": page * 2}, {"id": page * 2 + 1}], "last": page == 9})

    service.on("/songs", songs)
    ended = pod.fetch()
    assert (ended.exit, ended.message) == (0, {"rows": 20})
    assert [int(r.query["page"]) for r in service.requests] == list(range(10))
    assert ended.stderr.count("Loading") == 5


# --- reset and backfill


def test_a_reset_fetches_everything_anew_and_doubles_nothing(made, service):
    pod = made("Ordered")
    serve(service)
    assert pod.fetch().exit == 0
    asked = serve(service, changed="again")
    pod.mode, pod.request = "reset", "t1"
    ended = pod.fetch()
    assert ended.exit == 0
    assert asked[0] == DAYS[0]
    assert events_of(pod) == (31, 31)
    assert pod.rows("SELECT count(*) FROM events WHERE v = 'again'") == [(31,)]
    # The next fetch asks for what is new, as ever.
    pod.mode, pod.request = "fetch", None
    asked = serve(service)
    assert pod.fetch().exit == 0
    assert asked == [DAYS[-1]]


@pytest.mark.parametrize("mode", ["reset", "backfill"])
def test_a_retry_goes_on_with_what_an_earlier_attempt_began_and_another_request_begins_anew(
    made, service, mode
):
    pod = made("Ordered", ROWS_A_PIECE="6")
    serve(service)
    assert pod.fetch().exit == 0
    pod.mode, pod.since, pod.request = mode, "2026-01-04T00:00:00Z", "t1"
    begins = DAYS[0] if mode == "reset" else DAYS[3]
    asked = serve(service, hangs_after=4, changed=mode)
    before = len(service.requests)
    process = pod.start()
    service.wait_for(before + 6)
    process.send_signal(signal.SIGKILL)
    pod.end(process)
    assert asked[0] == begins
    asked = serve(service, changed=mode)
    assert pod.fetch().exit == 0
    assert asked[0] > begins
    changed = [day for day in DAYS if day >= begins]
    assert pod.rows(f"SELECT count(*) FROM events WHERE v = '{mode}'") == [(len(changed),)]
    pod.request = "t2"
    asked = serve(service)
    assert pod.fetch().exit == 0
    assert asked[0] == begins
    assert events_of(pod) == (31, 31)


def test_a_backfill_as_the_first_fetch_begins_where_it_was_asked_to(made, service):
    pod = made("Ordered")
    pod.mode, pod.since, pod.request = "backfill", "2026-01-20T00:00:00Z", "t1"
    asked = serve(service)
    assert pod.fetch().exit == 0
    assert asked[0] == DAYS[19]
    assert events_of(pod)[0] == 12


def test_a_backfill_to_before_the_first_fetch_goes_all_the_way(made, service):
    pod = made("Ordered")
    days = ["2025-06-01T00:00:00Z", *DAYS]
    serve(service, days)
    assert pod.fetch().exit == 0
    assert events_of(pod)[0] == 31
    pod.mode, pod.since, pod.request = "backfill", "2025-01-01T00:00:00Z", "t1"
    asked = serve(service, days)
    assert pod.fetch().exit == 0
    assert asked[0] == "2025-01-01T00:00:00Z"
    assert events_of(pod)[0] == 32


def test_the_place_of_a_resource_without_a_cursor_is_forgotten_by_a_backfill(made, service):
    pod = made("Paged")
    service.on("/songs", json_answer({"songs": [{"id": 1}], "last": True}))
    assert pod.fetch().exit == 0
    pod.mode, pod.since, pod.request = "backfill", "2026-01-01T00:00:00Z", "t1"
    assert pod.fetch().message == {"rows": 1}
