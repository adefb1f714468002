"""`rowOrder` of `rest`: what is loaded of a long list stays, and a list ends at what is known."""

import signal

import pytest

from spark_plugins.testing import Answer, json_answer

DAYS = [f"2026-01-{day:02}T00:00:00Z" for day in range(1, 32)]
SIZE = 3


@pytest.fixture
def events(rest):
    """The one resource of the pod: days in their order, a page of three each."""
    (resource,) = rest.config["resources"]
    resource |= {
        "name": "events",
        "path": "events",
        "dataSelector": "events",
        "pagination": {"type": "cursor", "cursorPath": "next", "cursorParam": "from"},
        "incremental": {"cursorPath": "at", "startParam": "since", "rowOrder": "asc"},
    }
    rest.environment["ROWS_A_PIECE"] = "6"
    return resource


def serve(service, days=DAYS, *, hangs_after=None, v=""):
    """Answer with these days, in the order given; the list of what was asked for, as it grows."""
    asked = []

    def answer(request):
        asked.append(request.query.get("since"))
        if hangs_after is not None and len(asked) > hangs_after:
            return Answer(hang=True)
        later = [day for day in days if day >= request.query.get("since", "")]
        at = int(request.query.get("from", 0))
        page = [{"id": DAYS.index(day), "at": day, "v": v} for day in later[at : at + SIZE]]
        following = at + SIZE if later[at + SIZE :] else None
        return json_answer({"events": page, "next": following})

    service.on("/events", answer)
    return asked


def cut_off(pod, service, requests, signum=signal.SIGKILL):
    """A fetch that is ended while it waits for the answer to so many requests."""
    before = len(service.requests)
    process = pod.start()
    service.wait_for(before + requests)
    process.send_signal(signum)
    return pod.end(process)


def count(pod):
    return pod.rows("SELECT count(*), count(DISTINCT id) FROM events")[0]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_first_fetch_that_is_cut_off_again_and_again_arrives_in_pieces(
    rest, events, service, signum
):
    begun = []
    for _attempt in range(3):
        asked = serve(service, hangs_after=4)
        ended = cut_off(rest, service, 5, signum)
        begun.append(asked[0] or "")
        if signum == signal.SIGTERM:
            assert ended.exit == 12
            assert ended.message["rows"] > 0
            assert "are loaded and stay" in ended.said
    asked = serve(service)
    assert rest.fetch().exit == 0
    begun.append(asked[0])
    assert begun == sorted(set(begun)), "each attempt begins later than the one before"
    assert count(rest) == (31, 31)


def test_without_an_order_nothing_of_a_fetch_that_is_cut_off_is_loaded(rest, events, service):
    del events["incremental"]["rowOrder"]
    serve(service, hangs_after=4)
    cut_off(rest, service, 5)
    asked = serve(service)
    assert rest.fetch().message == {"rows": 31}
    assert asked[0] is None


def test_a_backfill_that_is_killed_goes_on_from_the_last_piece(rest, events, service):
    serve(service)
    assert rest.fetch().exit == 0
    rest.mode, rest.since, rest.request = "backfill", "2026-01-04T00:00:00Z", "t1"
    asked = serve(service, hangs_after=4, v="again")
    cut_off(rest, service, 5)
    assert asked[0] == DAYS[3]
    asked = serve(service, v="again")
    assert rest.fetch().exit == 0
    assert asked[0] > DAYS[3]
    assert rest.rows("SELECT id FROM events WHERE v = 'again' ORDER BY id") == [
        (number,) for number in range(3, 31)
    ]
    assert count(rest) == (31, 31)


def test_a_closed_period_comes_in_one_piece_as_no_place_is_kept_of_it(rest, events, service):
    events["incremental"] |= {"initialValue": DAYS[0], "endValue": DAYS[20]}
    asked = serve(service)
    ended = rest.fetch()
    assert ended.message == {"rows": 20}
    assert len(asked) == 7, "each page once, and none behind the end"
    assert ended.stderr.count("Loading") == 1


def test_a_parent_that_is_not_stored_stays_out_in_each_piece(rest, events, service):
    events["store"] = False
    rest.config["resources"].append(
        {
            "name": "notes",
            "path": "events/{event}/notes",
            "primaryKey": ["id"],
            "parent": {"resource": "events", "bind": {"event": "id"}},
        }
    )
    serve(service)
    for number in range(31):
        service.on(f"/events/{number}/notes", json_answer([{"id": f"of {number}"}]))
    ended = rest.fetch()
    assert ended.exit == 0
    assert ended.stderr.count("Loading") > 1
    assert rest.rows("SELECT count(*), count(DISTINCT id) FROM notes") == [(31, 31)]
    tables = rest.rows("SELECT table_name FROM information_schema.tables")
    assert ("notes",) in tables
    assert ("events",) not in tables


# --- from the newest back


def test_from_the_newest_back_a_fetch_ends_at_the_page_that_goes_below_what_is_known(
    rest, events, service
):
    # A service that knows no "since".
    events["incremental"] = {"cursorPath": "at", "rowOrder": "desc"}
    serve(service, DAYS[9::-1])
    assert rest.fetch().message == {"rows": 10}
    asked = serve(service, DAYS[13::-1])
    assert rest.fetch().message["rows"] == 4
    assert len(asked) == 2
    assert count(rest)[0] == 14


def test_of_one_moment_on_two_pages_what_is_new_on_the_second_is_loaded(rest, events, service):
    events["incremental"] = {"cursorPath": "at", "rowOrder": "desc"}

    def pages(*found):
        service.on(
            "/events",
            lambda request: json_answer(
                {
                    "events": found[int(request.query.get("from", 0))],
                    "next": int(request.query.get("from", 0)) + 1
                    if int(request.query.get("from", 0)) + 1 < len(found)
                    else None,
                }
            ),
        )

    known = [{"id": number, "at": DAYS[5]} for number in (1, 2)]
    pages(known, [{"id": 3, "at": DAYS[1]}])
    assert rest.fetch().message == {"rows": 3}
    pages(known, [{"id": 4, "at": DAYS[5]}, {"id": 3, "at": DAYS[1]}])
    assert rest.fetch().message == {"rows": 1}
    assert rest.rows("SELECT id FROM events ORDER BY id") == [(1,), (2,), (3,), (4,)]


# --- an order that is not the one that was said


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_service_that_does_not_sort_ends_the_fetch_before_anything_is_loaded(
    rest, events, service, order
):
    events["incremental"]["rowOrder"] = order
    serve(service, [*DAYS[:2], DAYS[9], DAYS[4]] if order == "asc" else [DAYS[8], DAYS[9]])
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert 'Resource "events": the records do not come in the order' in ended.said
    assert rest.rows(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'events'"
    ) == [(0,)]


def test_values_that_have_no_order_are_refused(rest, events, service):
    service.on("/events", json_answer({"events": [{"id": 1, "at": 5}, {"id": 2, "at": "a"}]}))
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "of more than one kind" in ended.said
