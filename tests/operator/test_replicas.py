"""Several replicas as processes: one of them leads, until it is asked to end."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

QUICK = {"delay": "100ms"}


@pytest.fixture
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture
def replica(world: World, tmp_path: Path) -> Iterator[Callable[[str], Operator]]:
    """A replica with a short Lease; killed in the end."""
    made: list[Operator] = []

    def start(name: str) -> Operator:
        made.append(
            Operator(
                world.kubeconfig, tmp_path, namespace=world.namespace, name=name, lease_seconds=3
            ).start()
        )
        return made[-1]

    yield start
    for operator in made:
        operator.kill()


def test_sigterm_ends_it_in_two_seconds_and_hands_the_lease_over(
    world: World, replica: Callable[[str], Operator]
) -> None:
    first = replica("a").wait_leading()
    second = replica("b")
    until(lambda: "caches are whole" in second.output(), 20)
    assert first.terminate(seconds=2) == 0
    took = until(second.leads, 10)
    assert took < 2
    world.make("after", fate=QUICK)
    world.wait_outcome("after", 1)


def test_sigterm_releases_the_lease_so_that_nobody_waits_for_its_end(
    world: World, tmp_path: Path
) -> None:
    """With a Lease of a minute, a standby that leads at once can only have been handed it."""
    one, two = (
        Operator(world.kubeconfig, tmp_path, namespace=world.namespace, name=name, lease_seconds=60)
        for name in ("one", "two")
    )
    try:
        one.start().wait_leading()
        names = [f"i{n}" for n in range(20)]
        for name in names:
            world.make(name, fate=QUICK)
        assert one.terminate(seconds=5) == 0
        lease = world.leases.read_namespaced_lease("spark", world.namespace)
        assert not lease.spec.holder_identity
        two.start().wait_leading(seconds=20)
        for name in names:
            assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
            assert world.run(name)["number"] == 1
    finally:
        one.kill()
        two.kill()


def test_health_answers_in_leader_and_standby(
    world: World, replica: Callable[[str], Operator]
) -> None:
    for operator in (replica("a").wait_leading(), replica("b")):
        until(lambda one=operator: "caches are whole" in one.output(), 20)  # type: ignore[misc]
        for path in ("healthz", "readyz"):
            with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/{path}") as answer:
                assert answer.read() == b"ok"


def test_without_its_kinds_it_waits_and_is_alive_but_not_ready(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "nowhere.kubeconfig"
    kubeconfig.write_text(
        '{"current-context": "x", "clusters": [{"name": "x", "cluster": '
        '{"server": "http://127.0.0.1:9"}}], "users": [{"name": "x", "user": {}}], '
        '"contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}'
    )
    operator = Operator(kubeconfig, tmp_path, namespace="spark").start()
    try:
        until(lambda: "does not answer" in operator.output(), 20, operator.output)
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/healthz") as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/readyz")
        assert operator.terminate(seconds=3) == 0
    finally:
        operator.kill()
