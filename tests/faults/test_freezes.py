"""A leader that is frozen, or cut off from its Lease, and goes on believing that it leads."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest
from tests.faults.proxy import CLAIM_OR_RECORD, LEASE, Fault, Proxy
from tests.faults.seeds import seed
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
NAMES = [f"i{number}" for number in range(24)]
FROZEN_SECONDS = float(os.environ.get("FROZEN_SECONDS", "6"))


def make_all(world: World) -> dict[str, str]:
    return {name: world.make(name, fate=QUICK, updateFrequencyMinutes=1440) for name in NAMES}


def versions(world: World) -> dict[str, str]:
    return {name: world.get(name)["metadata"]["resourceVersion"] for name in NAMES}


def jobs(world: World) -> set[str]:
    listed = world.jobs.list_namespaced_job(world.namespace).items
    return {job.metadata.uid for job in listed}


@pytest.mark.timeout(120 + FROZEN_SECONDS)
def test_a_leader_frozen_while_it_dispatches_changes_nothing_when_it_wakes_and_ends(
    world: World, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    moment = random.Random(seed()).uniform(0, 0.4)
    first = operators(lease_seconds=3).start().wait_leading()
    second = operators(lease_seconds=3).start()
    until(lambda: "caches are whole" in second.output(), 20)

    uids: dict[str, str] = {}
    burst = threading.Thread(target=lambda: uids.update(make_all(world)))
    burst.start()
    threading.Event().wait(moment)
    first.signal(signal.SIGSTOP)
    frozen_at = time.monotonic()
    burst.join()
    until(second.leads, 15)
    for name in NAMES:
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
    # The world moves on: the Job whose create may lie in the frozen one's hands is pruned meanwhile.
    for name in NAMES:
        world.request(name, "while it was frozen")
    for name in NAMES:
        assert world.wait_outcome(name, 2)["outcome"] == "Succeeded"
    until(lambda: len(jobs(world)) == len(NAMES), 20, "the first Jobs were not pruned")
    until(lambda: time.monotonic() - frozen_at > FROZEN_SECONDS, FROZEN_SECONDS)

    before, jobs_before = versions(world), jobs(world)
    first.signal(signal.SIGCONT)
    assert first.wait(15) == 1
    assert "took the lead" in first.output()
    assert versions(world) == before
    assert jobs(world) == jobs_before
    assert [recorder.runs(uid) for uid in uids.values()] == [[1, 2]] * len(NAMES)
    assert recorder.overlaps() == []


def test_of_two_that_believe_to_lead_one_loses_each_claim(
    world: World, proxy: Proxy, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    """The Lease is deleted by hand while the leader's renewals hang: it believes for ten seconds more."""
    stale = operators(proxy.kubeconfig).start().wait_leading()
    other = operators().start()
    until(lambda: "caches are whole" in other.output(), 20)
    proxy.add(Fault(LEASE, times=1000, delay_seconds=30))
    world.delete("lease", "spark")
    until(other.leads, 8, other.output)

    uids = make_all(world)
    assert stale.leads()
    assert other.leads()
    for name in NAMES:
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
    assert [recorder.runs(uid) for uid in uids.values()] == [[1]] * len(NAMES)
    answers = [status for call, status in proxy.answers if CLAIM_OR_RECORD(call)]
    assert 409 in answers, "the two never met"
    assert recorder.overlaps() == []

    until(lambda: not stale.leads(), 15, stale.output)
    proxy.clear()
    assert stale.wait(40) == 1
    assert other.leads()
