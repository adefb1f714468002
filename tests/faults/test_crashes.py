"""The process dies after any single call: the next one finishes what was begun, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.proxy import Call, Fault, Proxy
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

# Calls of a fetch's life: claim, create, read pods, record, and for the second run the prune; two
# more for what a failure adds (the Event) and for the unexpected.
_CALLS = 7


def _of_the_fetch(call: Call) -> bool:
    """What is neither a watch, a list, the Lease, nor the Scheduler's heartbeat."""
    lists = call.method == "GET" and "/pods" not in call.path and not call.path.endswith("-1")
    return not (call.watch or call.lease or lists or "/schedulers" in call.path)


@pytest.mark.parametrize("answered", [True, False], ids=["after its answer", "before its answer"])
def test_a_crash_after_any_call_of_a_fetchs_life_doubles_and_loses_nothing(
    world: World,
    proxy: Proxy,
    recorder: Recorder,
    operators: Callable[..., Operator],
    answered: bool,
) -> None:
    names = [f"crash-{k}" for k in range(1, _CALLS + 1)]
    operator = operators(proxy.kubeconfig, lease_seconds=3)
    died_after: list[str] = []
    for number, name in enumerate(names, start=1):
        counted: list[Call] = []

        def nth(call: Call, n: int = number, seen: list[Call] = counted) -> bool:
            if not _of_the_fetch(call):
                return False
            seen.append(call)
            return len(seen) == n

        operator.start().wait_leading()
        fault = proxy.add(Fault(nth, after=lambda _: operator.kill(), drop=not answered))
        outcome = "fail" if number % 2 else "succeed"
        uid = world.make(name, fate={"outcome": outcome}, retryDelaysSeconds=[3600])
        until(lambda ended=name: not operator.running or world.ended(ended, 1), 30)
        died_after.extend(map(str, fault.met))
        proxy.clear()
        operator.kill()
        operator.start().wait_leading()
        world.wait_outcome(name, 1)
        operator.kill()
        assert recorder.runs(uid) == [1], f"died after {died_after[-1:]}"
    assert len(died_after) >= 4, died_after
    assert recorder.overlaps() == []
