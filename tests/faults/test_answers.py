"""The API server's answers are lost, late, or errors: a fetch is made once all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.proxy import CLAIM_OR_RECORD, CREATE_JOB, READ_PODS, WATCH, Call, Fault, Proxy
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
CALLS = {
    "claim": lambda call: CLAIM_OR_RECORD(call) and b'"Running"' in call.body,
    "create": CREATE_JOB,
    "pods": READ_PODS,
    "record": lambda call: CLAIM_OR_RECORD(call) and b'"Succeeded"' in call.body,
}
# Each call with each error, but the one that is an answer about the Job itself.
ERRORS = [(call, code) for call in CALLS for code in (409, 410, 422, 429, 500, 503)]
ERRORS.remove(("create", 422))


@pytest.fixture
def operator(proxy: Proxy, operators: Callable[..., Operator]) -> Operator:
    return operators(proxy.kubeconfig).start().wait_leading()  # type: ignore[no-any-return]


def test_an_answer_that_is_lost_after_the_server_did_it_leads_to_no_second_job(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    for name, matches in CALLS.items():
        fault = proxy.add(Fault(matches, drop=True))
        uid = world.make(name, fate=QUICK)
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
        assert fault.met, name
        assert recorder.runs(uid) == [1]
    assert operator.running


def test_an_error_that_passes_is_tried_again_and_nothing_is_done_twice(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    uids: dict[str, str] = {}
    faults: list[Fault] = []
    for call, code in ERRORS:
        name = f"{call}-{code}"
        uids[name] = world.make(name, fate=QUICK, suspend=True)

        def of_this(asked: Call, job: str = f"{name}-", kind: str = call) -> bool:
            mine = job in asked.path or f"/{job[:-1]}/" in asked.path or job.encode() in asked.body
            return CALLS[kind](asked) and mine

        matches = READ_PODS if call == "pods" else of_this
        faults.append(proxy.add(Fault(matches, answer=code, retry_after=1)))
    for name in uids:
        world.change(name, suspend=False)
    for name, uid in uids.items():
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
        assert recorder.runs(uid) == [1]
    assert [len(fault.met) for fault in faults] == [1] * len(faults)
    assert operator.running


def test_a_job_that_is_refused_is_a_failed_run_and_the_next_attempt_makes_another(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    proxy.add(Fault(CREATE_JOB, answer=422))
    uid = world.make("refused", fate=QUICK, retryDelaysSeconds=[1])
    assert world.wait_outcome("refused", 2)["attempt"] == 2
    assert world.run("refused")["outcome"] == "Succeeded"
    # The record is a watch of its own, and may be a moment behind what was just read.
    both = {1: "Failed", 2: "Succeeded"}
    until(lambda: recorder.outcomes(uid) == both, 10, lambda: str(recorder.outcomes(uid)))
    assert recorder.runs(uid) == [2]
    assert operator.running


def test_a_create_that_takes_seconds_holds_up_nobody_else(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    proxy.add(Fault(lambda c: CREATE_JOB(c) and b"slow-" in c.body, delay_seconds=5))
    slow = world.make("slow", fate=QUICK)
    quick = world.make("quick", fate=QUICK)
    world.wait_outcome("quick", 1, seconds=4)
    world.wait_outcome("slow", 1)
    assert recorder.runs(slow) == recorder.runs(quick) == [1]
    assert operator.running


def test_watches_that_are_cut_are_taken_up_again_and_miss_nothing(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    for number in range(3):
        proxy.cut_watches()
        name = f"cut-{number}"
        uid = world.make(name, fate=QUICK)
        proxy.cut_watches()
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
        assert recorder.runs(uid) == [1]
    assert operator.running


def test_a_watch_that_is_too_old_is_begun_anew(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    proxy.add(Fault(WATCH, times=4, answer=410))
    proxy.cut_watches()
    uid = world.make("anew", fate=QUICK)
    assert world.wait_outcome("anew", 1)["outcome"] == "Succeeded"
    assert recorder.runs(uid) == [1]
    assert "Traceback" not in operator.output()
    assert operator.running


def test_a_watch_that_falls_silent_is_noticed(
    world: World, proxy: Proxy, operator: Operator, recorder: Recorder
) -> None:
    proxy.silence_watches()
    uid = world.make("silent", fate=QUICK)
    # Bookmarks come every minute; without any for 70 s the watch is taken for dead.
    until(lambda: sum(call.watch for call in proxy.calls) >= 8, 90)
    proxy.back()
    proxy.cut_watches()
    assert world.wait_outcome("silent", 1, seconds=30)["outcome"] == "Succeeded"
    assert recorder.runs(uid) == [1]
    assert operator.running


def test_what_is_said_of_a_run_that_cannot_be_begun_yet_names_it(
    world: World, proxy: Proxy, operator: Operator
) -> None:
    """Whoever follows one run through the log finds what held it up."""
    proxy.add(Fault(CREATE_JOB, answer=503))
    uid = world.make("held-up", fate=QUICK)
    job = world.wait_outcome("held-up", 1)["jobName"]
    (line,) = [line for line in operator.output().splitlines() if "request failed" in line]
    about = f"[namespace={world.namespace} integration=held-up uid={uid} run=1 job={job}]"
    assert line.endswith(about)
