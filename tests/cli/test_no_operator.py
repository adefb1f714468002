"""Where no operator is at work, every command that tells of states or waits for one says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.support import Spark
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

SAID = "warning: No operator has checked yet (kubectl spark doctor tells more)."


@pytest.fixture(scope="module")
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    made.make("alice")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], 0),
        (["status", "alice"], 0),
        (["schedule"], 0),
        (["check", "alice"], 0),
        (["fetch", "alice"], 0),
        (["fetch", "alice", "--wait", "--timeout", "3s"], 3),
        (["retry", "alice"], 0),
    ],
)
def test_it_is_said_once(spark: Spark, arguments: list[str], code: int) -> None:
    answer = spark(*arguments)
    assert answer.code == code, answer.err
    assert answer.err.splitlines().count(SAID) == 1


def test_who_watches_is_told_too(spark: Spark) -> None:
    with spark.start("list", "--watch") as process:
        assert process.stderr is not None
        assert process.stderr.readline().strip() == SAID
        process.terminate()
