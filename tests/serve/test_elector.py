"""The Lease, with time and the API server's answers under the test's control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from spark_operator.act.api import Api, ApiError, NoAnswer
from spark_operator.serve.clock import Clock
from spark_operator.serve.elector import Elector, LeadTaken, Terms


class LoopClock(Clock):
    """The loop's time, which looptime moves; ``slept`` is what the machine slept beyond it."""

    slept = 0.0

    def boottime(self) -> float:
        return asyncio.get_running_loop().time() + self.slept


@dataclass
class LeaseServer(Api):
    """One Lease with compare-and-set, and faults on demand."""

    stored: dict[str, Any] | None = None
    down: bool = False
    lose_answers: bool = False
    delay: float = 0.0
    hangs_for: str = ""
    writes: list[str] = field(default_factory=list)
    _version: int = 0

    async def get(self, path: str, params: Any = None) -> dict[str, Any]:
        await self._travel()
        if self.stored is None:
            raise ApiError(404, "NotFound", path)
        return dict(self.stored)

    async def write(self, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        await self._travel()
        if body["spec"]["holderIdentity"] == self.hangs_for:
            await asyncio.sleep(1000)
        if method == "POST" and self.stored is not None:
            raise ApiError(409, "AlreadyExists", path)
        if method == "PUT":
            sent = body["metadata"]["resourceVersion"]
            if self.stored is None or sent != self.stored["metadata"]["resourceVersion"]:
                raise ApiError(409, "Conflict", path)
        self._version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self._version)}
        self.stored = {**body, "metadata": metadata}
        self.writes.append(body["spec"]["holderIdentity"])
        if self.lose_answers:
            raise NoAnswer("cut")
        return dict(self.stored)

    async def _travel(self) -> None:
        await asyncio.sleep(self.delay)
        if self.down:
            raise NoAnswer("down")


@dataclass
class Replica:
    elector: Elector
    clock: LoopClock
    told: list[str]
    task: asyncio.Task[None]

    @property
    def leading(self) -> bool:
        return self.elector.leading()


Join = Callable[[str], Replica]


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def join(server: LeaseServer) -> Join:
    """Let a replica compete. Its task ends with the loop of the test."""

    def start(identity: str) -> Replica:
        clock, told = LoopClock(), []
        elector = Elector(
            api=server,
            clock=clock,
            namespace="spark",
            name="spark",
            identity=identity,
            on_lead=lambda: told.append("lead"),
            on_lose=lambda: told.append("lose"),
            terms=Terms(),
        )
        return Replica(elector, clock, told, asyncio.create_task(elector.run()))

    return start


async def test_the_first_takes_the_lease_at_once_and_the_second_waits(join: Join) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    second = join("b")
    await asyncio.sleep(60)
    assert (first.leading, second.leading) == (True, False)
    assert first.told == ["lead"]


async def test_a_leader_that_gets_no_answer_fences_itself_before_anybody_else_may_lead(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.down = True
    await asyncio.sleep(9)
    assert first.leading
    await asyncio.sleep(3)
    assert not first.leading
    assert first.told == ["lead", "lose"]
    assert not first.task.done(), "an API server that is away ends the lead, not the process"


async def test_a_leader_whose_renewals_hang_fences_itself_in_time_all_the_same(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.delay = 1000
    await asyncio.sleep(9)
    assert first.told == ["lead"]
    await asyncio.sleep(3)
    assert first.told == ["lead", "lose"], "acts in flight must be cancelled when the validity ends"


async def test_one_renewal_that_hangs_costs_nobody_the_lead(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.delay = 1000
    await asyncio.sleep(3)
    server.delay = 0
    await asyncio.sleep(60)
    assert first.told == ["lead"]


async def test_an_hour_without_an_answer_is_told_in_a_line_a_minute(
    join: Join, server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    join("a")
    await asyncio.sleep(0.1)
    server.down = True
    await asyncio.sleep(3600)
    told = [r for r in caplog.records if "down" in r.getMessage()]
    assert 50 <= len(told) <= 61
    server.down = False
    await asyncio.sleep(10)
    server.down = True
    await asyncio.sleep(10)
    assert len([r for r in caplog.records if "down" in r.getMessage()]) == len(told) + 1


async def test_it_leads_again_when_the_server_is_back_and_nobody_took_the_lease(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.down = True
    await asyncio.sleep(300)
    server.down = False
    await asyncio.sleep(3)
    assert first.leading
    assert first.told == ["lead", "lose", "lead"]


async def test_a_process_that_slept_past_its_validity_knows_at_once_that_it_does_not_lead(
    join: Join,
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    first.clock.slept += 60
    assert not first.leading


async def test_a_sleeper_whose_lease_was_taken_ends_when_it_wakes(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.hangs_for = "a"
    await asyncio.sleep(5)
    second = join("b")
    await asyncio.sleep(30)
    assert second.leading
    assert not first.leading
    with pytest.raises(LeadTaken):
        await first.task


async def test_a_dead_leader_is_followed_after_its_lease_and_two_looks_at_most(join: Join) -> None:
    first, second = join("a"), join("b")
    await asyncio.sleep(10)
    assert first.leading
    first.task.cancel()
    died = asyncio.get_running_loop().time()
    while not second.leading:
        await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() - died <= 15 + 2 * 0.5 + 0.1


async def test_a_released_lease_is_taken_at_the_next_look(join: Join) -> None:
    first, second = join("a"), join("b")
    await asyncio.sleep(10)
    first.task.cancel()
    await first.elector.release()
    await asyncio.sleep(0.6)
    assert second.leading
    assert first.told == ["lead", "lose"]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("stop", "this process stops, and gives the lease back"),
        ("silence", "the lease could not be renewed in time"),
        ("rival", "b holds the lease"),
    ],
)
async def test_the_log_says_why_it_does_not_lead_any_more(
    end: str, said: str, join: Join, server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    if end == "silence":
        server.down = True
        await asyncio.sleep(20)
    elif end == "rival":
        assert server.stored is not None
        spec = {**server.stored["spec"], "holderIdentity": "b"}
        metadata = {**server.stored["metadata"], "resourceVersion": "99"}
        server.stored = {**server.stored, "metadata": metadata, "spec": spec}
        with pytest.raises(LeadTaken):
            await first.task
    first.task.cancel()
    await first.elector.release()
    told = [r.getMessage() for r in caplog.records if "not leading" in r.getMessage()]
    assert told == [f"not leading any more: {said}"]


async def test_a_lease_is_released_although_the_answer_to_its_last_renewal_was_lost(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.lose_answers = True
    await asyncio.sleep(2)
    first.task.cancel()
    server.lose_answers = False
    await first.elector.release()
    assert server.writes[-1] == ""


async def test_a_renewal_whose_answer_was_lost_does_not_make_the_holder_its_own_rival(
    join: Join, server: LeaseServer
) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.lose_answers = True
    await asyncio.sleep(2)
    server.lose_answers = False
    await asyncio.sleep(30)
    assert first.leading
    assert first.told == ["lead"]


async def test_a_lease_deleted_by_hand_is_made_again(join: Join, server: LeaseServer) -> None:
    first = join("a")
    await asyncio.sleep(0.1)
    server.stored = None
    await asyncio.sleep(3)
    assert first.leading
    assert server.stored is not None


async def test_never_do_two_lead_whatever_the_server_does(join: Join, server: LeaseServer) -> None:
    replicas = [join(name) for name in "abc"]

    async def watch(until: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            assert sum(r.leading for r in replicas) <= 1
            await asyncio.sleep(0.05)

    loop = asyncio.get_running_loop()
    faults: list[Coroutine[Any, Any, None]] = [watch(loop.time() + 240)]

    async def trouble() -> None:
        for delay, down in ((0.0, True), (4.0, False), (0.0, False), (9.0, False), (0.0, True)):
            server.delay, server.down = delay, down
            await asyncio.sleep(31)
            server.delay, server.down = 0.0, False
            await asyncio.sleep(7)

    faults.append(trouble())
    await asyncio.gather(*faults)
