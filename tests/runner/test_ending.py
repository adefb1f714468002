"""The end of the time: SIGTERM and the budget, whatever the fetch is doing."""

import datetime as dt
import os
import signal
import time

import pytest

from spark_plugins.testing import Answer, json_answer
from spark_runner.ending import Ending
from spark_runner.outcome import Exit
from spark_runner.stage import Stage


@pytest.fixture
def own_signals():
    """The signals of this process, as they were before."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_signal_has_come_for_the_main_thread_though_the_other_has_not_noticed(
    own_signals, monkeypatch
):
    monkeypatch.setattr(Ending, "_wait", lambda _self: None)
    ending = Ending(60, Stage(), lambda _outcome: True)
    ending.start()
    assert not ending.has_come()
    os.kill(os.getpid(), signal.SIGTERM)
    assert ending.has_come()
    assert ending.outcome().exit is Exit.TIMEOUT
    assert "SIGTERM" in ending.outcome().message


def test_sigterm_ends_a_fetch_that_waits_for_the_service(rest, service):
    service.on("/items", Answer(hang=True))
    process = rest.start()
    service.wait_for(1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = rest.end(process)
    assert time.monotonic() - began < 3
    assert ended.exit == 12
    assert "SIGTERM" in ended.said
    assert "while fetching" in ended.said


def test_sigterm_ends_a_load_that_waits_for_the_database(warehouse, service, postgres):
    service.on("/items", json_answer([{"id": 1}]))
    assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]
    connection = postgres.connect()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {dataset}.items IN ACCESS EXCLUSIVE MODE")
        process = warehouse.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while postgres.rows(waiting) == [(0,)]:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        ended = warehouse.end(process)
    connection.rollback()
    connection.close()
    assert ended.exit == 12
    assert "while loading" in ended.said
    assert warehouse.fetch().exit == 0


def ended_by_the_budget(pod, got_there):
    """A fetch whose budget is 2 s: or more, where this machine needs it to get to the place that the
    test is about. Wherever it was, the budget must have ended it."""
    for budget in (2, 8, 32):
        # 10 seconds are kept back from Kubernetes.
        pod.timeout = 10 + budget
        ended = pod.fetch()
        assert ended.exit == 12
        assert "spec.timeoutSeconds" in ended.said
        if got_there():
            return ended
    raise AssertionError(f"it never got there, and said: {ended.said}")


def test_the_budget_ends_a_fetch_and_says_where_it_was(rest, service):
    hanging = []

    def more(request):
        page = int(request.query.get("page", 0))
        if page == 2:
            hanging.append(page)
            return Answer(hang=True)
        return json_answer([{"id": page}], Link=f'</items?page={page + 1}>; rel="next"')

    rest.config["resources"][0]["pagination"] = {"type": "link_header"}
    service.on("/items", more)
    ended = ended_by_the_budget(rest, lambda: hanging)
    assert 'while fetching (records so far: 2 of "items")' in ended.said


def test_time_since_the_jobs_creation_counts(rest, service):
    rest.timeout = 42
    created = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=12)
    rest.environment = {"JOB_CREATED_AT": created.isoformat().replace("+00:00", "Z")}
    service.on("/items", Answer(hang=True))
    process = rest.start()
    service.wait_for(1)
    process.send_signal(signal.SIGINT)
    assert rest.end(process).exit == 12


def endless(pod, service):
    """A fetch that gets page after page, and no end."""
    pages = iter(range(10**6))
    service.on("/items", lambda _: json_answer({"rows": [{"id": 1}], "next": next(pages) + 1}))
    pod.config["resources"][0] |= {
        "dataSelector": "rows",
        "pagination": {"type": "cursor", "cursorPath": "next", "maxPages": 100_000},
    }


def test_a_fetch_that_ends_at_a_signal_before_the_end_is_noticed_says_that_it_was_stopped(
    rest, service
):
    endless(rest, service)
    rest.environment["NOTICES_AFTER"] = "1"
    process = rest.start()
    service.wait_for(3)
    process.send_signal(signal.SIGTERM)
    ended = rest.end(process)
    assert ended.exit == 12
    assert "SIGTERM" in ended.said


def test_at_the_end_of_the_budget_a_fetch_that_moves_is_ended_cleanly(rest, service):
    endless(rest, service)
    # What is asked is whether it ends by itself once it is told to. If it did not, then nothing but
    # the end of this grace would end it, and leave its folder behind.
    rest.environment["GRACE_SECONDS"] = "20"
    ended = ended_by_the_budget(rest, lambda: len(service.requests) > 1)
    # Its own end, not that of a process that was cut off.
    assert rest.leftovers() == []
    assert "while fetching" in ended.said
