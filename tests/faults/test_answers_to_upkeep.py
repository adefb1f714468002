"""Errors, delays and lost answers for what keeps the operator going: its Lease, its lists, the prune."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.proxy import Call, Fault, Proxy, request
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
CODES = (409, 410, 422, 429, 500, 503)
RENEW = request("PUT", "/leases/")


def list_of_jobs(call: Call) -> bool:
    return call.method == "GET" and call.path.endswith("/jobs") and not call.watch


def held_without_a_break(world: World, operator: Operator, holder: str) -> bool:
    lease = world.leases.read_namespaced_lease("spark", world.namespace).spec
    unbroken = lease.holder_identity == holder and not lease.lease_transitions
    return unbroken and "not leading" not in operator.output()


def test_a_lease_that_is_answered_with_errors_late_or_not_at_all_is_kept(
    world: World, proxy: Proxy, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    operator = operators(proxy.kubeconfig, lease_seconds=6).start().wait_leading()
    holder = world.leases.read_namespaced_lease("spark", world.namespace).spec.holder_identity
    faults = [Fault(RENEW, answer=code) for code in CODES]
    faults += [Fault(RENEW, drop=True), Fault(RENEW, delay_seconds=1.5)]
    for number, fault in enumerate(faults):
        # One at a time: each is followed by a renewal that succeeds, or it would be an outage.
        proxy.add(fault)
        until(lambda one=fault: bool(one.met), 10)  # type: ignore[misc]
        renewed = len(proxy.answers)
        until(
            lambda since=renewed: any(
                RENEW(call) and status == 200 for call, status in proxy.answers[since:]
            ),
            10,
            operator.output,
        )
        if number % 2:
            uid = world.make(f"meanwhile-{number}", fate=QUICK)
            assert world.wait_outcome(f"meanwhile-{number}", 1)["outcome"] == "Succeeded"
            assert recorder.runs(uid) == [1]
    assert held_without_a_break(world, operator, holder)


def test_a_lease_deleted_by_hand_is_made_anew_and_nothing_is_doubled(
    world: World, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    operator = operators(lease_seconds=6).start().wait_leading()
    uids = []
    for number in range(6):
        world.delete("lease", "spark")
        uids.append(world.make(f"i{number}", fate=QUICK))
    for number in range(6):
        assert world.wait_outcome(f"i{number}", 1)["outcome"] == "Succeeded"
    assert [recorder.runs(uid) for uid in uids] == [[1]] * 6
    until(lambda: bool(world.leases.list_namespaced_lease(world.namespace).items), 10)
    assert operator.leads()


@pytest.mark.parametrize("fault", ["errors", "no answer"])
def test_a_leader_lists_all_jobs_before_its_first_claim_however_often_it_must_ask(
    world: World,
    proxy: Proxy,
    operators: Callable[..., Operator],
    recorder: Recorder,
    fault: str,
) -> None:
    uid = world.make("waits", fate=QUICK)
    if fault == "errors":
        faults = [proxy.add(Fault(list_of_jobs, answer=code)) for code in CODES]
    else:
        faults = [proxy.add(Fault(list_of_jobs, drop=True, times=3))]
    operator = operators(proxy.kubeconfig, lease_seconds=3).start()
    assert world.wait_outcome("waits", 1)["outcome"] == "Succeeded"
    assert all(each.met for each in faults)
    assert recorder.runs(uid) == [1]
    assert operator.running


def test_a_prune_that_fails_is_tried_again_and_deletes_what_is_in_excess_alone(
    world: World, proxy: Proxy, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    """But for 409: to a delete it says that the Job of that name is another one, which stays."""
    operator = operators(proxy.kubeconfig).start().wait_leading()
    names = {f"prune-{code}": code for code in CODES if code != 409}
    faults = []
    for name, code in {**names, "prune-lost": None}.items():
        matches = request("DELETE", f"/jobs/{name}-")
        faults.append(proxy.add(Fault(matches, answer=code, drop=code is None)))
        world.make(name, fate=QUICK)
    for fault, name in zip(faults, [*names, "prune-lost"], strict=True):
        world.wait_outcome(name, 1)
        world.request(name, "again")
        world.wait_outcome(name, 2)
        left = [job for job in world.job_names() if job.startswith(f"{name}-")]
        until(
            lambda one=name: (  # type: ignore[misc]
                [job[-2:] for job in world.job_names() if job.startswith(f"{one}-")] == ["-2"]
            ),
            20,
            lambda jobs=left: str(jobs),  # type: ignore[misc]
        )
        assert fault.met
    assert operator.running
