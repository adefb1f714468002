"""The API server is away for minutes, or dies, with the operator in the middle of its work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.faults.proxy import Proxy
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}
NAMES = [f"i{number}" for number in range(20)]
OUTAGE_SECONDS = 60 * float(os.environ.get("OUTAGE_MINUTES", "0.25"))
# The watches are tried again within 10 s; until then a request made meanwhile is not seen.
CATCH_UP_SECONDS = 25


@pytest.mark.timeout(180 + OUTAGE_SECONDS)
def test_an_api_server_that_is_away_is_waited_for_in_calm_and_caught_up_with_once(
    world: World, proxy: Proxy, operators: Callable[..., Operator], recorder: Recorder
) -> None:
    operator = operators(proxy.kubeconfig).start().wait_leading()
    uids = {name: world.make(name, fate=QUICK, updateFrequencyMinutes=60) for name in NAMES}
    for name in NAMES:
        world.wait_outcome(name, 1)
    pid = operator.pid
    proxy.away()
    began = time.monotonic()
    asked, used, said = len(proxy.calls), operator.cpu_seconds(), len(operator.output())
    # Three slots of each pass, and some are requested as well, twice.
    hours_ago = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number, name in enumerate(NAMES):
        world.patch_status(name, lastSuccessfulUpdateAt=hours_ago)
        if number % 2:
            world.request(name, "once")
            world.request(name, "twice")
    until(lambda: time.monotonic() - began > OUTAGE_SECONDS, OUTAGE_SECONDS + 1)

    assert operator.running
    assert operator.pid == pid
    cpu = operator.cpu_seconds() - used
    calls = len(proxy.calls) - asked
    lines = len(operator.output()[said:].splitlines())
    print(f"away for {OUTAGE_SECONDS:.0f} s: {cpu:.2f} s of CPU, {lines} lines, {calls} requests")
    assert cpu < 1 + 0.01 * OUTAGE_SECONDS
    assert lines < 15 + OUTAGE_SECONDS / 20
    # Its Lease every 2 s, four watches every 10 s; aiohttp sends what a cut connection lost once more.
    assert calls < 50 + 3 * OUTAGE_SECONDS
    assert recorder.runs(uids["i0"]) == [1]

    proxy.back()
    returned = time.monotonic()
    operator.wait_leading(20)
    leading = time.monotonic() - returned
    for name in NAMES:
        assert world.wait_outcome(name, 2, CATCH_UP_SECONDS)["outcome"] == "Succeeded"
    print(f"leads {leading:.1f} s after, caught up {time.monotonic() - returned:.1f} s after")
    until(lambda: world.unfinished() == 0, 10)
    assert [recorder.runs(uid) for uid in uids.values()] == [[1, 2]] * len(NAMES)
    assert recorder.overlaps() == []
    assert operator.pid == pid
