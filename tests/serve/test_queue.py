"""The queue and the wake-ups: nothing is worked on twice at once, and nothing is forgotten."""

from __future__ import annotations

import asyncio

from spark_operator.decide.capacity import Candidate
from spark_operator.model import integration, plugin, scheduler
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache
from spark_operator.serve.wakes import Wakes
from spark_operator.serve.workqueue import WorkQueue


async def test_a_key_waits_once_however_often_it_is_added() -> None:
    queue = WorkQueue()
    for _ in range(3):
        queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_comes_again_afterwards_and_not_before() -> None:
    queue = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    other = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    assert not other.done()
    queue.done("a")
    assert await other == "a"


async def test_a_worker_cancelled_at_the_moment_of_its_wake_up_leaves_the_key_to_another() -> None:
    queue = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await second == "a"


async def test_what_falls_due_together_is_planned_together_at_its_exact_time() -> None:
    loop = asyncio.get_running_loop()
    planned: list[tuple[float, list[str]]] = []
    start = loop.time()
    wakes = Wakes(lambda keys: planned.append((loop.time() - start, sorted(keys))))
    wakes.set("a", 7)
    wakes.set("b", 7)
    wakes.set("c", 9)
    wakes.set("d", 3)
    wakes.cancel("d")
    wakes.set("c", 20)
    await asyncio.sleep(60)
    assert planned == [(7, ["a", "b"]), (20, ["c"])]


def _cache(total: int = 2) -> Cache:
    cache = Cache(("spark", "spark"))
    metadata = {"uid": "s", "namespace": "spark", "name": "spark", "resourceVersion": "1"}
    cache.put_scheduler(
        scheduler.parse({"metadata": metadata, "spec": {"maxConcurrentFetches": total}})
    )
    cache.put_plugin(plugin.parse({"metadata": {"uid": "p", "name": "demo"}, "spec": {}}))
    return cache


def _candidate(uid: str) -> Candidate:
    return Candidate(uid, "a", uid, "demo", requested=False, first=True, overdue=0)


def test_a_reserved_place_counts_until_its_claim_is_written_or_given_up() -> None:
    admitted: list[str] = []
    admission = Admission(_cache(total=2), admitted.append)
    for uid in ("a", "b", "c"):
        admission.wait(_candidate(uid))
    admission.admit()
    assert admitted == ["a", "b"]
    admission.forget("a")
    admission.admit()
    assert admitted == ["a", "b", "c"]


def test_a_running_claim_takes_a_place_and_a_job_of_anybody_does_not() -> None:
    cache, admitted = _cache(total=1), []
    metadata = {"uid": "r", "namespace": "a", "name": "r", "resourceVersion": "5"}
    running = {"run": {"number": 1, "outcome": "Running", "jobName": "r-1"}}
    cache.put_integration(
        integration.parse({"metadata": metadata, "spec": {"service": "demo"}, "status": running})
    )
    admission = Admission(cache, admitted.append)
    admission.wait(_candidate("a"))
    admission.admit()
    assert admitted == []


def test_an_older_state_never_replaces_a_newer_one() -> None:
    cache = _cache()

    def state(version: int, outcome: str) -> integration.Integration:
        return integration.parse(
            {
                "metadata": {"uid": "r", "name": "r", "resourceVersion": str(version)},
                "spec": {"service": "demo"},
                "status": {"run": {"number": 1, "outcome": outcome}},
            }
        )

    assert cache.put_integration(state(9, "Running"))
    assert not cache.put_integration(state(8, "Failed"))
    assert cache.running == {"r": "demo"}
    assert cache.put_integration(state(10, "Succeeded"))
    assert cache.running == {}
