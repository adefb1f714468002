"""Asking for a fetch: the token, how soon its Job is there, and what is no token."""

from __future__ import annotations

import pytest
from tests.operator.support import (
    QUICK,
    runs,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_a_request_is_a_job_in_under_a_second_and_is_acknowledged(world: World) -> None:
    world.make("asked", fate=QUICK)
    world.wait_outcome("asked", 1)
    world.request("asked", "now")
    took = until(lambda: any(n.endswith("-2") for n in world.job_names()), 5)
    assert took < 1
    run = world.wait_outcome("asked", 2)
    assert run["trigger"] == "Requested"
    assert world.status("asked")["lastHandledRequest"] == "now"


def test_a_malformed_request_is_named_in_condition_and_one_event(world: World) -> None:
    world.make("odd", fate=QUICK)
    world.wait_outcome("odd", 1)
    world.request("odd", "x" * 200)
    until(lambda: "is ignored" in world.condition("odd")["message"], 5)
    # The Event is posted after the status was written.
    until(lambda: bool(world.events("odd")), 5, "no Event")
    said = [e for e in world.events("odd") if "is ignored" in e[2]]
    assert len(said) == 1
    assert said[0][:2] == ("Warning", "InvalidRequest")
    assert world.run("odd")["number"] == 1
    world.request("odd", "good")
    world.wait_outcome("odd", 2)


LONGEST = "x" * 128


def ignored(world: World, name: str) -> bool:
    return "requestedAt is ignored" in world.condition(name)["message"]


def test_a_token_of_128_characters_is_taken_and_of_129_refused_once_until_it_is_mended(
    world: World,
) -> None:
    world.make("token", fate=QUICK)
    world.wait_outcome("token", 1)
    world.request("token", LONGEST)
    world.wait_outcome("token", 2)
    assert world.status("token")["lastHandledRequest"] == LONGEST
    assert not ignored(world, "token")

    world.request("token", LONGEST + "x")
    until(lambda: ignored(world, "token"), 5)
    # Written anew for another reason, it is said no second time, and nothing is started.
    world.change("token", updateFrequencyMinutes=120)
    until(lambda: world.condition("token")["observedGeneration"] == 2, 5)
    assert ignored(world, "token")
    assert [e[:2] for e in world.events("token")] == [("Warning", "InvalidRequest")]
    assert runs(world, "token") == 2
    assert world.status("token")["lastHandledRequest"] == LONGEST

    world.request("token", "mended")
    world.wait_outcome("token", 3)
    until(lambda: not ignored(world, "token"), 5)
    assert len(world.events("token")) == 1


def test_the_token_that_was_taken_asks_for_nothing_when_it_is_written_again(world: World) -> None:
    world.make("same", fate=QUICK)
    world.wait_outcome("same", 1)
    world.request("same", "once")
    world.wait_outcome("same", 2)
    world.request("same", "once")
    # What is asked for after it is fetched after it: by then the other was seen.
    world.make("after", fate=QUICK)
    world.wait_outcome("after", 1)
    assert runs(world, "same") == 2
