"""What a scrape tells, whom it counts, and how short its turns are."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import requests
from tests.decide import make
from tests.support.process import free_port
from tests.support.scrape import Scrape

from spark_operator.decide.capacity import Candidate
from spark_operator.model.integration import Integration
from spark_operator.model.status import Condition, ErrorClass, Mode, Run, Status
from spark_operator.serve import exposition, main
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock
from spark_operator.serve.listener import Listener, PortTaken
from spark_operator.serve.metrics import Metrics
from spark_operator.serve.requests import described
from spark_operator.serve.survey import Survey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Still(Clock):
    def now(self) -> datetime:
        return NOW


class Replica:
    """The parts that a scrape reads, with a leader that has nothing to do."""

    def __init__(self, *, leads: bool = True) -> None:
        self.cache = Cache(("spark", "spark"))
        self.cache.put_plugin(make.plugin())
        self.cache.put_scheduler(make.scheduler(max_concurrent_fetches=7))
        self.metrics = Metrics()
        self.leader: Any = SimpleNamespace(
            at_work=leads, beat_at=NOW.timestamp(), tick_seconds=0.25, queued=3, waiting={}
        )
        self.exposition = exposition.Exposition(
            metrics=self.metrics,
            cache=self.cache,
            leader=self.leader,
            survey=Survey(self.cache, Still()),
        )

    def put(self, name: str, **changes: Any) -> Integration:
        made = make.fetched(NOW - timedelta(minutes=1))
        made = replace(made, uid=name, name=name, **changes)
        self.cache.put_integration(made)
        return made

    def scrape(self) -> Scrape:
        async def whole() -> bytes:
            return b"".join([piece async for piece in self.exposition.pieces()])

        return Scrape(asyncio.run(whole()).decode())


def ready(reason: str, status: str = "True", type_: str = "Ready") -> Condition:
    return Condition(type_, status, reason, "", 1, NOW)


def with_status(**fields: Any) -> Status:
    fetched = make.fetched(NOW - timedelta(minutes=1)).status
    return replace(fetched, **fields)


# ------------------------------------------------------------------ Integrations


def test_an_integration_has_three_kinds_of_series_of_its_own() -> None:
    replica = Replica()
    conditions = (
        ready("Fetched"),
        ready("Fetched", "False", "Reconciling"),
        ready("Fetched", "False", "Stalled"),
    )
    replica.put(
        "alice",
        status=with_status(conditions=conditions, next_update_at=NOW + timedelta(minutes=14)),
    )
    told = replica.scrape()
    named = {s.name for s in told.samples if "name" in s.labels}
    assert named == {f"spark_integrations_{name}" for name in exposition.PER_INTEGRATION}
    assert told.value(
        "last_success_timestamp_seconds", namespace="team-a", name="alice"
    ) == pytest.approx(NOW.timestamp() - 60)
    assert told.value("next_run_timestamp_seconds", name="alice") == NOW.timestamp() + 14 * 60
    assert {
        (s.labels["type"], s.labels["status"]): s.value for s in told.matching("condition")
    } == {("Ready", "True"): 1, ("Reconciling", "False"): 1, ("Stalled", "False"): 1}


def test_its_series_change_with_it_and_go_with_it() -> None:
    replica = Replica()
    alice = replica.put("alice")
    replica.put("bob")
    replica.scrape()
    later = replace(alice.status, last_successful_update_at=NOW)
    replica.cache.put_integration(replace(alice, resource_version=11, status=later))
    assert replica.scrape().value("last_success_timestamp_seconds", name="alice") == NOW.timestamp()
    replica.cache.remove_integration("alice")
    told = replica.scrape()
    assert "alice" not in told.text
    assert told.value("last_success_timestamp_seconds", name="bob") is not None


def test_integrations_are_counted_by_service_and_the_reason_of_ready() -> None:
    replica = Replica()
    for number in range(3):
        replica.put(f"good-{number}", status=with_status(conditions=(ready("Fetched"),)))
    replica.put("new", status=Status())
    replica.put("lone", spec=make.spec(service="gone"))
    told = replica.scrape()
    assert told.value("ready_reason", service="demo", reason="Fetched") == 3
    assert told.value("ready_reason", service="demo", reason="Pending") == 1
    assert told.value("ready_reason", service="demo", reason="AtCapacity") == 0
    assert told.value("ready_reason", service="_unknown", reason="Pending") == 1


def test_what_anybody_may_write_into_a_spec_or_a_status_becomes_no_label() -> None:
    replica = Replica()
    nonsense = (
        ready('x"} 1\nleader 7'),
        ready("Fetched", "Maybe", "Stalled"),
        ready("x", "True", "Odd"),
    )
    replica.put("odd", spec=make.spec(service='a"b'), status=with_status(conditions=nonsense))
    told = replica.scrape()
    assert told.value("ready_reason", service="_unknown", reason="_unknown") == 1
    assert [s.labels["type"] for s in told.matching("condition")] == ["Ready"]
    assert "Maybe" not in told.text
    assert 'a"b' not in told.text.replace("\\", "")


FRESH, OLD = NOW - timedelta(minutes=45), NOW - timedelta(minutes=45, seconds=1)


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({"status": with_status(last_successful_update_at=FRESH)}, 0),
        ({"status": with_status(last_successful_update_at=OLD)}, 1),
        ({"status": with_status(last_successful_update_at=None), "created_at": FRESH}, 0),
        ({"status": with_status(last_successful_update_at=None), "created_at": OLD}, 1),
        # A clock that was wrong stamped it: it says nothing.
        (
            {
                "status": with_status(last_successful_update_at=NOW + timedelta(days=9)),
                "created_at": OLD,
            },
            1,
        ),
        (
            {
                "status": with_status(last_successful_update_at=OLD),
                "spec": make.spec(update_frequency_minutes=16),
            },
            0,
        ),
        (
            {"status": with_status(last_successful_update_at=OLD), "spec": make.spec(suspend=True)},
            0,
        ),
    ],
)
def test_data_is_stale_after_three_times_its_frequency(changes: dict[str, Any], stale: int) -> None:
    replica = Replica()
    replica.put("alice", **changes)
    assert replica.scrape().value("stale", service="demo") == stale


def test_a_plugin_that_slows_its_integrations_down_makes_them_less_stale() -> None:
    replica = Replica()
    replica.put("alice", status=with_status(last_successful_update_at=OLD))
    assert replica.scrape().value("stale", service="demo") == 1
    replica.cache.put_plugin(make.plugin(resource_version=2, min_update_frequency_minutes=60))
    assert replica.scrape().value("stale", service="demo") == 0


def test_failing_counts_whom_the_last_attempt_failed_unless_suspended() -> None:
    replica = Replica()
    broken = Status(last_failed_at=NOW, run=make.failed())
    replica.put("broken", status=broken)
    replica.put("left-alone", status=broken, spec=make.spec(suspend=True))
    replica.put("good")
    assert replica.scrape().value("failing", service="demo") == 1


def test_a_service_is_limited_until_the_latest_time_that_it_named() -> None:
    replica = Replica()
    assert (
        replica.scrape().value("service_rate_limited_until_timestamp_seconds", service="demo") == 0
    )
    for name, seconds in (("soon", 10), ("late", 700)):
        limited = make.failed(
            error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=seconds, finished_at=NOW
        )
        replica.put(name, status=Status(last_failed_at=NOW, run=limited))
    until = replica.scrape().value("service_rate_limited_until_timestamp_seconds", service="demo")
    assert until == NOW.timestamp() + 700


# ------------------------------------------------------------------ the process


def test_the_leader_tells_its_beat_its_places_and_who_waits() -> None:
    replica = Replica()
    replica.put("flying", status=with_status(run=make.run()))
    waits = Candidate("u", "team-a", "bob", "demo", requested=False, first=True, overdue=0)
    replica.leader.waiting["u"] = waits
    told = replica.scrape()
    assert told.value("leader") == 1
    assert told.value("scheduler_heartbeat_timestamp_seconds") == NOW.timestamp()
    assert told.value("tick_duration_seconds") == 0.25
    assert told.value("queue_depth") == 3
    assert told.value("waiting", service="demo") == 1
    assert told.value("service_inflight", service="demo") == 1
    assert told.value("service_max_concurrent_fetches", service="demo") == 10
    assert told.value("max_concurrent_fetches") == 7
    assert told.value("scheduler_exists") == 1
    scheduler = replica.cache.scheduler
    assert scheduler is not None
    replica.cache.remove_scheduler(scheduler)
    assert replica.scrape().value("scheduler_exists") == 0


def test_a_standby_tells_that_it_stands_by_and_nothing_of_integrations() -> None:
    replica = Replica(leads=False)
    replica.put("alice")
    told = replica.scrape()
    assert told.value("leader") == 0
    assert next(told.matching("build_info")).labels["version"]
    assert any(s.name == "process_resident_memory_bytes" for s in told.samples)
    assert not [s for s in told.samples if "service" in s.labels or "name" in s.labels]
    assert told.value("scheduler_heartbeat_timestamp_seconds") is None


def ended(error_class: ErrorClass | None = None, **changes: Any) -> Run:
    if error_class is None:
        return make.succeeded(started_at=NOW - timedelta(seconds=7), finished_at=NOW, **changes)
    return make.failed(error_class=error_class, started_at=NOW - timedelta(seconds=7), **changes)


def test_runs_are_counted_by_mode_result_and_class_with_their_time_and_rows() -> None:
    replica = Replica()
    replica.metrics.ended("demo", ended(rows=40))
    replica.metrics.ended("demo", ended(rows=2))
    replica.metrics.ended("demo", ended(ErrorClass.TIMEOUT))
    replica.metrics.ended("demo", ended(mode=Mode.CHECK, rows=None))
    told = replica.scrape()
    fetches = {"service": "demo", "mode": "fetch"}
    assert told.value("run_total", result="succeeded", class_="", **fetches) == 2
    assert told.value("run_total", result="failed", class_="timeout", **fetches) == 1
    assert told.value("run_total", service="demo", mode="check") == 1
    assert told.value("rows_loaded_total", service="demo") == 42
    assert told.value("run_duration_seconds_count", service="demo") == 4
    assert told.value("run_duration_seconds_bucket", service="demo", le="10.0") == 4
    assert told.value("run_duration_seconds_bucket", service="demo", le="5.0") == 0


def test_a_dispatch_is_as_late_as_its_job_and_never_early() -> None:
    replica = Replica()
    due = NOW - timedelta(seconds=2)
    replica.metrics.dispatched("demo", due_at=due, now=NOW)
    replica.metrics.dispatched("demo", due_at=NOW + timedelta(hours=1), now=NOW)
    replica.metrics.dispatched("demo", due_at=None, now=NOW)
    replica.metrics.not_dispatched("demo", "rejected")
    told = replica.scrape()
    assert told.value("dispatch_total", service="demo", outcome="created") == 3
    assert told.value("dispatch_total", service="demo", outcome="rejected") == 1
    assert told.value("dispatch_skew_seconds_count") == 2
    assert told.value("dispatch_skew_seconds_sum") == 2


def test_what_will_be_counted_begins_at_zero() -> None:
    replica = Replica()
    replica.metrics.ended("demo", ended(rows=0))
    told = replica.scrape()
    assert told.value("rows_loaded_total", service="demo") == 0
    assert told.value("run_total", service="demo", result="succeeded") == 1
    assert told.value("run_total", service="demo", class_="timeout") == 0
    assert told.value("dispatch_total", service="demo", outcome="rejected") == 0
    assert told.value("run_duration_seconds_count", service="demo") == 1
    # But nothing of services whose Plugin nobody has made, and nothing on a replica that counts nothing.
    assert {s.labels["service"] for s in told.matching("run_total")} == {"demo"}
    assert not list(Replica(leads=False).scrape().matching("run_total"))


def test_what_was_counted_for_a_service_goes_with_its_plugin() -> None:
    replica = Replica()
    for service in ("demo", "gone", "_unknown"):
        replica.metrics.ended(service, ended())
        replica.metrics.dispatched(service, due_at=NOW, now=NOW)
    services = {s.labels["service"] for s in replica.scrape().samples if "service" in s.labels}
    assert services == {"demo", "_unknown"}


# ------------------------------------------------------------------ requests

_NS = "/namespaces/team-a"


@pytest.mark.parametrize(
    ("method", "path", "query", "said"),
    [
        ("GET", "/apis/spark-integrations.dev/v1/integrations", "limit=500", ("list", "integrations")),
        ("GET", "/apis/spark-integrations.dev/v1/integrations", "watch=true&x=1", ("watch", "integrations")),
        ("GET", f"/apis/batch/v1{_NS}/jobs", "", ("list", "jobs")),
        ("GET", f"/apis/batch/v1{_NS}/jobs/alice-1", "", ("get", "jobs")),
        ("POST", f"/apis/batch/v1{_NS}/jobs", "", ("create", "jobs")),
        ("DELETE", f"/apis/batch/v1{_NS}/jobs/alice-1", "", ("delete", "jobs")),
        ("PATCH", f"/apis/spark-integrations.dev/v1{_NS}/integrations/alice/status", "", ("patch", "integrations/status")),
        ("PUT", f"/apis/coordination.k8s.io/v1{_NS}/leases/spark", "", ("update", "leases")),
        ("GET", f"/api/v1{_NS}/pods", "labelSelector=x", ("list", "pods")),
        ("POST", f"/api/v1{_NS}/events", "", ("create", "events")),
        ("GET", "/apis/spark-integrations.dev/v1", "", ("list", "other")),
        ("GET", "/version", "", ("list", "other")),
        ("GET", "/api/v1/namespaces/secrets", "", ("get", "other")),
        ("GET", f"/api/v1{_NS}/secrets/alice", "", ("get", "other")),
    ],
)  # fmt: skip
def test_a_request_counts_by_verb_and_resource_and_never_by_a_name(
    method: str, path: str, query: str, said: tuple[str, str]
) -> None:
    assert described(method, path, query) == said


# ------------------------------------------------------------------ the port

CROWD = 10_000


@contextmanager
def collected_as_the_operator_does() -> Iterator[None]:
    """Frozen once all is cached: else a turn may walk over all that the other tests have left here."""
    before = gc.get_threshold()
    gc.set_threshold(*main.COLLECTIONS)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def longest_turn(replica: Replica, scrapes: int) -> tuple[float, int]:
    """The CPU of the longest turn of the loop while somebody scrapes, and the bytes of a scrape."""
    port = free_port()
    listener = exposition.listener(port=port, exposition=replica.exposition)
    await listener.start()
    longest, over = 0.0, False

    async def watch() -> None:
        # Of this thread's CPU, which neighbours on the machine do not lengthen.
        nonlocal longest
        before = time.thread_time()
        while not over:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now

    watching = asyncio.create_task(watch())
    size = 0
    # The reader is another thread, as Prometheus is another process.
    for _ in range(scrapes):
        size = await asyncio.to_thread(_read, port)
    over = True
    await watching
    await listener.stop()
    return longest, size


def _read(port: int) -> int:
    return len(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).content)


def test_a_scrape_of_ten_thousand_integrations_takes_no_long_turn_of_the_loop() -> None:
    replica = Replica()
    three = (
        ready("Fetched"),
        ready("Fetched", "False", "Reconciling"),
        ready("Fetched", "False", "Stalled"),
    )
    status = with_status(conditions=three, next_update_at=NOW)
    for number in range(CROWD):
        replica.put(f"integration-{number:05d}", status=status)
    with collected_as_the_operator_does():
        longest, size = asyncio.run(longest_turn(replica, scrapes=3))
    assert size > CROWD * 5 * 60
    assert longest < 0.05


def test_a_port_that_is_taken_is_named_with_its_option() -> None:
    async def both() -> None:
        port = free_port()
        first = Listener(port=port, flag="--metrics-port", paths={})
        await first.start()
        second = exposition.listener(port=port, exposition=Replica().exposition)
        try:
            with pytest.raises(PortTaken, match=f"--metrics-port {port}: "):
                await second.start()
        finally:
            await first.stop()

    asyncio.run(both())


def test_only_metrics_are_served_on_the_port_of_metrics() -> None:
    async def asked() -> dict[str, int]:
        port = free_port()
        listener = exposition.listener(port=port, exposition=Replica().exposition)
        await listener.start()
        answers = {}
        async with aiohttp.ClientSession() as session:
            for path in ("/metrics", "/", "/healthz", "/debug"):
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    answers[path] = response.status
        await listener.stop()
        return answers

    assert asyncio.run(asked()) == {"/metrics": 200, "/": 404, "/healthz": 404, "/debug": 404}


def test_a_reader_that_hangs_up_half_way_leaves_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replica = Replica()
    for number in range(CROWD):
        replica.put(f"integration-{number:05d}")

    async def hang_up() -> None:
        port = free_port()
        listener = exposition.listener(port=port, exposition=replica.exposition)
        await listener.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read(1000)
        writer.transport.abort()
        # Another one is served meanwhile and afterwards.
        assert await asyncio.to_thread(_read, port) > CROWD * 60
        await listener.stop()

    with caplog.at_level("DEBUG", logger="spark_operator"):
        asyncio.run(hang_up())
    assert [r.levelname for r in caplog.records if r.name.startswith("aiohttp")] == []
    assert "given up by its reader" in caplog.text
