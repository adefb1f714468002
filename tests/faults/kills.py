"""``kill -9`` of the leader at random moments of dispatching, again and again, and what it did to the fetches.

    python -m tests.faults.kills --kills 200 --lease 3 --seed 7

Two replicas; in each round a burst of Integrations becomes due or is requested, and the leader dies at
a random moment of it. The one that was killed is started again at once, as Kubernetes would do.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.cluster import Cluster
from kubernetes import watch
from tests.faults import seeds
from tests.support.process import Operator
from tests.support.recorder import Recorder
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

BURST = 16
"""Integrations that become due in one round, half of them by a request."""
LATE = "late"
"""The one that is requested when the leader is dead: only its successor can dispatch it."""
_PACE_SECONDS = 0.06
_MOMENTS_SECONDS = 1.3
_SETTLE_SECONDS = 45.0


@dataclass
class Round:
    """One kill. ``left`` is what the dead leader left behind, by name; the lists name Integrations."""

    victim: str
    after_seconds: float
    left: dict[str, int] = field(default_factory=dict)
    gap_seconds: float = 0.0
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        return bool(self.doubled or self.lost or self.stuck)

    def __str__(self) -> str:
        left = ", ".join(f"{count} {what}" for what, count in self.left.items())
        told = f"{self.victim} killed after {self.after_seconds:.3f} s, left {left}"
        told += f"; next dispatch after {self.gap_seconds:.1f} s"
        for what in ("doubled", "lost", "stuck"):
            if names := getattr(self, what):
                told += f"; {what}: {' '.join(names)}"
        return told


class Creations:
    """When each Job appeared, by the API server's own watch."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._watch = watch.Watch()
        self._seen: dict[str, float] = {}
        self._stopping = False
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while not self._stopping:
            try:
                for event in self._watch.stream(
                    self._world.jobs.list_namespaced_job, self._world.namespace, timeout_seconds=300
                ):
                    name = event["raw_object"]["metadata"]["name"]
                    self._seen.setdefault(name, time.monotonic())
            except Exception:  # noqa: BLE001
                # The list with which the next one begins tells of what was missed.
                threading.Event().wait(0.1)

    def at(self, job: str) -> float | None:
        return self._seen.get(job)

    def stop(self) -> None:
        self._stopping = True
        self._watch.stop()


class Kills:
    """A world with two replicas. ``round`` kills the leader once and returns what became of it."""

    def __init__(
        self, world: World, recorder: Recorder, folder: Path, *, lease_seconds: int, seed: int
    ) -> None:
        self.rounds: list[Round] = []
        self._world = world
        self._recorder = recorder
        self._lease_seconds = lease_seconds
        self._random = random.Random(seed)
        self._creations = Creations(world)
        self._numbers: dict[str, int] = {}
        self._told: set[str] = set()
        self._replicas = [
            Operator(
                world.kubeconfig,
                folder,
                namespace=world.namespace,
                name=name,
                lease_seconds=lease_seconds,
            )
            for name in ("a", "b")
        ]

    def start(self) -> Kills:
        for replica in self._replicas:
            replica.start()
        names = [LATE, *(f"i{number}" for number in range(BURST))]
        for name in names:
            self._world.make(name, fate={"delay": "100ms"}, updateFrequencyMinutes=60)
        self._numbers = dict.fromkeys(names, 1)
        until(lambda: self._unsettled({}) == [], 60, lambda: str(self._unsettled({})))
        return self

    def stop(self) -> None:
        for replica in self._replicas:
            replica.kill()
        self._creations.stop()

    def round(self) -> Round:
        leader = self._both_ready()
        token = f"round-{len(self.rounds)}"
        names = [name for name in self._numbers if name != LATE]
        self._random.shuffle(names)
        requested = dict.fromkeys([LATE, *names[::2]], token)
        pauses = [self._random.uniform(0, 2 * _PACE_SECONDS) for _ in names]
        this = Round(leader.log.stem, self._random.uniform(0, _MOMENTS_SECONDS))
        self.rounds.append(this)

        burst = threading.Thread(target=self._burst, args=(names, requested, pauses))
        burst.start()
        threading.Event().wait(this.after_seconds)
        leader.kill()
        killed_at = time.monotonic()
        self._world.request(LATE, token)
        leader.start()
        this.left = self._left()
        burst.join()

        for name in self._numbers:
            self._numbers[name] += 1
        try:
            until(
                lambda: self._unsettled(requested) == [], self._lease_seconds * 2 + _SETTLE_SECONDS
            )
        except AssertionError:
            unsettled = self._unsettled(requested)
            statuses = self._statuses()
            for name in unsettled:
                running = statuses[name]["run"]["outcome"] == "Running"
                (this.stuck if running else this.lost).append(name)
        self._judge(this)
        job = self._statuses()[LATE]["run"]["jobName"]
        this.gap_seconds = (self._creations.at(job) or time.monotonic()) - killed_at
        return this

    def _both_ready(self) -> Operator:
        """The leader, once the other is able to take over."""
        until(
            lambda: (
                all("caches are whole" in one.output() for one in self._replicas)
                and any(one.leads() for one in self._replicas)
            ),
            60,
            lambda: "\n".join(one.output()[-1000:] for one in self._replicas),
        )
        return next(one for one in self._replicas if one.leads())

    def _burst(
        self, names: Sequence[str], requested: dict[str, str], pauses: Sequence[float]
    ) -> None:
        long_ago = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, pause in zip(names, pauses, strict=True):
            if name in requested:
                self._world.request(name, requested[name])
            else:
                self._world.patch_status(name, lastSuccessfulUpdateAt=long_ago)
            threading.Event().wait(pause)

    # --- what the API server holds

    def _statuses(self) -> dict[str, dict[str, Any]]:
        found = self._world.objects.list_namespaced_custom_object(
            GROUP, VERSION, self._world.namespace, "integrations"
        )
        return {each["metadata"]["name"]: each.get("status", {}) for each in found["items"]}

    def _left(self) -> dict[str, int]:
        """What the dead leader was in the middle of."""
        left = {"not claimed": 0, "claimed without a Job": 0, "running": 0, "ended": 0}
        jobs = set(self._world.job_names())
        statuses = self._statuses()
        del statuses[LATE]
        for name, status in statuses.items():
            run = status["run"]
            if run["number"] == self._numbers[name]:
                left["not claimed"] += 1
            elif run["outcome"] != "Running":
                left["ended"] += 1
            else:
                left["running" if run["jobName"] in jobs else "claimed without a Job"] += 1
        return left

    def _unsettled(self, requested: dict[str, str]) -> list[str]:
        """Whoever's run of this round has not succeeded, or whose request was not taken."""
        unsettled = []
        for name, status in self._statuses().items():
            run = status.get("run", {})
            settled = (
                run.get("number", 0) >= self._numbers[name]
                and run["outcome"] == "Succeeded"
                and requested.get(name) in (None, status.get("lastHandledRequest"))
            )
            if not settled:
                unsettled.append(name)
        return unsettled

    def _judge(self, this: Round) -> None:
        """Compare with what must have happened: one run more for each, with one Job, which is Complete."""
        statuses = self._statuses()
        for name, status in statuses.items():
            number = status["run"]["number"]
            if number > self._numbers[name]:
                this.doubled.append(name)
            self._numbers[name] = number
        # The record goes back to the beginning: what an earlier round was blamed for is not ours.
        recorded = {f"run {run} of {uid}" for uid, run in self._recorder.doubles()}
        recorded |= {f"two Jobs of {uid} at once" for uid, _ in self._recorder.overlaps()}
        recorded |= set(self._recorder.history.created_after_outcome)
        this.doubled += sorted(recorded - self._told)
        self._told |= recorded
        if not this.stuck and self._world.unfinished():
            this.stuck.append("a Job without a run")


def report(rounds: Sequence[Round], *, lease_seconds: int, seed: int) -> str:
    """A table of what the kills met, and one line with the counts."""
    lines = ["what the leader left behind when it was killed     kills   at most"]
    for what in rounds[0].left:
        counts = [each.left[what] for each in rounds]
        lines.append(f"  {what:45} {sum(c > 0 for c in counts):8} {max(counts):9}")
    gaps = sorted(each.gap_seconds for each in rounds)
    totals = {
        what: sum(len(getattr(each, what)) for each in rounds)
        for what in ("doubled", "lost", "stuck")
    }
    lines.append(
        f"{len(rounds)} kills (Lease {lease_seconds} s, seed {seed}): {totals['doubled']} doubles, "
        f"{totals['lost']} losses, {totals['stuck']} stuck; "
        f"gap before the next dispatch p50 {statistics.median(gaps):.1f} s, max {gaps[-1]:.1f} s"
    )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lease", type=int, default=3, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args(argv)
    seed = chosen.seed if chosen.seed is not None else seeds.seed()
    cluster = Cluster(f"kills-{os.getpid()}", kubeless=True, tmpfs=True, dies_with_caller=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            cluster.up()
            world = World(cluster)
            recorder = Recorder(world.kubeconfig, world.namespace).start()
            kills = Kills(world, recorder, Path(folder), lease_seconds=chosen.lease, seed=seed)
            try:
                kills.start()
                for number in range(1, chosen.kills + 1):
                    print(f"{number:4} {kills.round()}", flush=True)
            finally:
                kills.stop()
                recorder.stop()
        finally:
            cluster.down()
    print(report(kills.rounds, lease_seconds=chosen.lease, seed=seed))
    return 1 if any(each.broken for each in kills.rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
