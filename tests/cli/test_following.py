"""Waiting while watches are cut and the API server is away: nothing is missed, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.support import Spark, ended
from tests.faults.proxy import Proxy
from tests.operator.support import QUICK
from tests.support.waiting import until
from tests.support.world import World

from spark_cli.act import requests
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.model import integration as integrations

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture
def proxy(world: World, tmp_path: Path) -> Iterator[Proxy]:
    started = Proxy(world.kubeconfig, tmp_path).start()
    yield started
    started.stop()


def test_a_deletion_that_no_watch_told_of_is_seen(world: World, proxy: Proxy) -> None:
    world.make("a", fate={"outcome": "hang"})
    world.wait_reason("a", "Fetching")
    with Spark(proxy.kubeconfig, world.namespace).start("fetch", "a", "--wait") as process:
        assert process.stderr is not None
        assert "Running" in process.stderr.readline()
        until(lambda: any(call.watch for call, _ in list(proxy.answers)), 30, "nothing is watched")
        proxy.silence_watches()
        world.delete("integration", "a")
        proxy.cut_watches()
        answer = ended(process)
    assert answer.code == 1
    assert "1 deleted" in answer.out


def test_an_end_that_came_while_the_server_was_away_is_told_once_it_is_back(
    world: World, proxy: Proxy
) -> None:
    world.make("b", fate={"delay": "10s", "message": '{"rows": 4}'})
    world.wait_reason("b", "Fetching")
    with Spark(proxy.kubeconfig, world.namespace).start("fetch", "b", "--wait") as process:
        assert process.stderr is not None
        assert "Running" in process.stderr.readline()
        until(lambda: any(call.watch for call, _ in list(proxy.answers)), 30, "nothing is watched")
        proxy.away()
        assert "cannot be reached" in process.stderr.readline()
        world.wait_reason("b", "Fetched")
        proxy.back()
        answer = ended(process)
    assert answer.code == 0
    assert "4 rows loaded" in answer.err


def test_what_was_made_anew_under_the_name_is_not_touched(world: World) -> None:
    world.make("c", fate=QUICK)
    there = integrations.parse(world.get("c"))
    cluster = Cluster.connect(str(world.kubeconfig), None, namespace=world.namespace)
    with pytest.raises(ApiFailure) as caught:
        requests.suspend(cluster, replace(there, uid="of-the-one-before"), suspended=True)
    assert caught.value.conflict, "refused for what it is, and not for how it was asked"
    assert world.get("c")["spec"]["suspend"] is False
