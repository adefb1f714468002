"""What the faults act upon: the cluster, the replicas behind their proxies, and what people do."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3
from kubernetes.client.exceptions import ApiException
from tests.chaos.record import Recorder
from tests.faults.proxy import Proxy
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.wall_clock import WallClock
from tests.support.world import World

UNREACHABLE = (ApiException, urllib3.exceptions.HTTPError, OSError)


@dataclass
class Replica:
    """One replica with a way to the API server of its own. ``held``: a fault keeps it down."""

    operator: Operator
    proxy: Proxy
    wall_clock: WallClock
    held: bool = False
    ended_by_itself: Counter[int] = field(default_factory=Counter)


@dataclass
class Stage:
    """``randomness`` is for the calls that a fault meets; which faults come is drawn elsewhere."""

    cluster: Any
    world: World
    recorder: Recorder
    replicas: list[Replica]
    randomness: random.Random
    ended: threading.Event = field(default_factory=threading.Event)
    not_applied: int = 0

    def leader(self) -> Replica:
        """Who leads by its own log; the first, where nobody does."""
        for replica in self.replicas:
            if not replica.held and replica.operator.leads():
                return replica
        return self.replicas[0]

    def pause(self, seconds: float) -> None:
        """Let time pass, but not beyond the end."""
        self.ended.wait(seconds)

    @contextlib.contextmanager
    def down(self, *replicas: Replica) -> Iterator[None]:
        """Keep them from being restarted; afterwards they are, as a kubelet does."""
        for replica in replicas:
            replica.held = True
        try:
            yield
        finally:
            for replica in replicas:
                replica.operator.kill()
                replica.operator.start()
                replica.held = False

    def restart_what_ended(self) -> None:
        """The kubelet's part."""
        for replica in self.replicas:
            if not replica.held and not replica.operator.running:
                replica.ended_by_itself[replica.operator.wait(1)] += 1
                replica.operator.start()

    def by_hand(self, act: Callable[[], Any]) -> bool:
        """What a person does with kubectl; in vain while the API server is away."""
        try:
            act()
        except UNREACHABLE as error:
            # What is there already was made by a request whose answer was lost.
            if not isinstance(error, ApiException) or error.status != 409:
                self.not_applied += 1
                return False
        return True

    def by_hand_until_done(self, act: Callable[[], Any]) -> None:
        """What has to be put back, whatever happens meanwhile, and also after the end."""
        until(lambda: self.by_hand(act), 120, "it could not be put back")

    def jobs(self, *, unfinished: bool) -> list[dict[str, Any]]:
        def over(job: dict[str, Any]) -> bool:
            conditions = (job.get("status") or {}).get("conditions") or ()
            return any(c["type"] in ("Complete", "Failed") for c in conditions)

        found = [j for j in self.recorder.latest("Job") if over(j) is not unfinished]
        return sorted(found, key=lambda j: str(j["metadata"]["name"]))
