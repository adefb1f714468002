"""What follows when watches end: soon or late, with an error or without a word."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.server import Answer, Asked, Server
from tests.cli.test_reaching import kubeconfig
from tests.support.waiting import until

from spark_cli.gather import kinds
from spark_cli.gather.cluster import Cluster
from spark_cli.gather.follow import Follower

GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}


def item(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"uid": name, "name": name, "resourceVersion": str(version)}}


class Rests:
    """Records how long it would rest, and goes on at once: ``count`` times, then never."""

    def __init__(self, count: int) -> None:
        self.seconds: list[float] = []
        self._count = count

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._count:
            threading.Event().wait()


def rests(folder: Path, watch: Callable[[int], Answer], count: int) -> tuple[list[float], Server]:
    """The first ``count`` of them, where the n-th watch is answered so and each list succeeds."""
    numbers = itertools.count(1)

    def answer(asked: Asked) -> Answer:
        if "watch=true" in asked.target:
            return watch(next(numbers))
        return Answer(body={"metadata": {"resourceVersion": "1"}, "items": [item("a", 1)]})

    with Server(answer) as server:
        cluster = Cluster.connect(str(kubeconfig(folder, server.url)), None)
        recorded = Rests(count)
        changes = Follower(cluster, kinds.INTEGRATION, "default", rest=recorded).changes(0.05)
        next(changes)
        until(lambda: len(recorded.seconds) == count, 30, "it does not rest")
    return recorded.seconds, server


def test_where_watches_are_ended_at_once_it_lists_again_less_and_less(tmp_path: Path) -> None:
    seconds, server = rests(tmp_path, lambda _: Answer(lines=[]), 7)
    assert seconds == [0.5, 1, 2, 4, 8, 15, 15]
    assert len([a for a in server.asked if "watch=true" not in a.target]) == 7


def test_where_watches_are_refused_as_gone_it_lists_again_less_and_less(tmp_path: Path) -> None:
    seconds, server = rests(tmp_path, lambda _: Answer(lines=[GONE]), 6)
    assert seconds == [0.5, 1, 2, 4, 8, 15]
    assert len([a for a in server.asked if "watch=true" not in a.target]) == 6


def test_a_watch_that_told_something_ends_the_back_off(tmp_path: Path) -> None:
    def watch(number: int) -> Answer:
        changed = {"type": "MODIFIED", "object": item("a", number)}
        return Answer(lines=[changed] if number == 4 else [])

    seconds, _ = rests(tmp_path, watch, 5)
    assert seconds == [0.5, 1, 2, 0.5, 1]


def test_after_a_watch_that_is_gone_the_whole_set_is_known(tmp_path: Path) -> None:
    lists = itertools.count(1)

    def answer(asked: Asked) -> Answer:
        if "watch=true" in asked.target:
            return Answer(lines=[GONE])
        names = ["a", "b"] if next(lists) == 1 else ["b", "c"]
        items = [item(name, 1) for name in names]
        return Answer(body={"metadata": {"resourceVersion": "1"}, "items": items})

    with Server(answer) as server:
        cluster = Cluster.connect(str(kubeconfig(tmp_path, server.url)), None)
        follower = Follower(cluster, kinds.INTEGRATION, "default", rest=Rests(2))
        seen = []
        for change in follower.changes(0.05):
            seen.append(set(change.objects or ()))
            if {"b", "c"} in seen:
                break
            assert len(seen) < 200
