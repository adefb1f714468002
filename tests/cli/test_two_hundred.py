"""``fetch --all --wait`` on 200 Integrations, from the command to all done."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.cli.support import Spark
from tests.operator.support import fails
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(600)]

COUNT = 200
BROKEN = 3
# A fetch takes half a second of its pod and 50 go on at once: most of it is the test's machine. One that
# were asked for and waited for after the other would take minutes: each has a Job's start and end.
MOST_SECONDS = 120


def test_two_hundred_are_fetched_and_those_that_failed_are_named(
    spark: Spark, world: World
) -> None:
    def make(number: int) -> None:
        broken = number < BROKEN
        fate = fails(code=10, message="The key is refused.") if broken else {"delay": "500ms"}
        world.make(f"i-{number:03}", fate=fate, updateFrequencyMinutes=1440)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(COUNT)))

    def settled() -> bool:
        items = world.objects.list_namespaced_custom_object(
            "spark-integrations.dev", "v1", world.namespace, "integrations"
        )["items"]
        outcomes = [i.get("status", {}).get("run", {}).get("outcome") for i in items]
        return len(items) == COUNT and all(o in ("Succeeded", "Failed") for o in outcomes)

    until(settled, 240, "the first fetches did not end")
    started = time.monotonic()
    answer = spark("fetch", "--all", "--force", "--wait", seconds=400)
    seconds = time.monotonic() - started
    print(f"\n{COUNT} Integrations, from the command to all done: {seconds:.1f} s")
    assert answer.code == 1, answer.err[-2000:]
    assert seconds < MOST_SECONDS
    assert answer.out.splitlines()[-1] == f"{COUNT - BROKEN} succeeded, {BROKEN} failed"
    assert answer.out.count("fetch requested") == COUNT
    told = [line for line in answer.out.splitlines() if "The key is refused." in line]
    assert [line.split()[0] for line in told] == [f"i-{n:03}" for n in range(BROKEN)]
    items = world.objects.list_namespaced_custom_object(
        "spark-integrations.dev", "v1", world.namespace, "integrations"
    )["items"]
    assert {i["status"]["run"]["number"] for i in items} == {2}
    assert {i["status"]["run"]["trigger"] for i in items} == {"Requested"}
