"""One run of the chaos: set the stage, break it by the seed's plan, let it come to rest, judge."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import due, faults, population
from tests.chaos.audit import Findings, audit
from tests.chaos.faults import Unsettles
from tests.chaos.intervals import Intervals
from tests.chaos.people import People
from tests.chaos.record import Recorder
from tests.chaos.stage import Replica, Stage
from tests.faults.proxy import Call, Proxy
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.wall_clock import WallClock
from tests.support.world import World

LEASE_SECONDS = 3
# By its definition a slot is lost after 30 s and the failover gap. The gap is counted after each fault
# that takes the lead or the view away: the Lease, a try, and the start of a process whose caches must
# be whole.
TOLERANCE_SECONDS = 30.0
GAP_SECONDS = 10.0
# Faults come in waves, and between them there is calm for longer than any slot may wait.
WAVE = 8
CALM_SECONDS = 50.0
# The longest that anything needs once the last fault is over: a silent watch that was just begun
# anew, a fetch that hangs until its deadline, and the tolerance in which its end must be recorded.
SETTLE_SECONDS = 75.0
# Longer than a tick, which must find nothing to write.
REST_SECONDS = 35.0


@dataclass(frozen=True)
class Plan:
    seed: int
    minutes: float
    integrations: int = 300
    replicas: int = 2
    settle_seconds: float = SETTLE_SECONDS
    rest_seconds: float = REST_SECONDS


@dataclass
class Result:
    """``broken``: what was seen beside the record: defects in the logs, exits, writes at rest."""

    plan: Plan
    findings: Findings
    injected: dict[str, list[float]]
    broken: list[str]
    notes: list[str]
    undisturbed: float


def play(plan: Plan, cluster: Any, folder: Path, say: Callable[[str], None]) -> Result:
    """The whole play on a cluster that is up, which it leaves up. Logs of the replicas in ``folder``."""
    world = World(cluster)
    recorder = Recorder(world.kubeconfig, world.namespace, folder).start()
    replicas = [_replica(world, folder, number) for number in range(plan.replicas)]
    stage = Stage(cluster, world, recorder, replicas, random.Random(f"{plan.seed} calls"))
    supervisor = threading.Thread(target=_supervise, args=(stage,), daemon=True)
    try:
        world.change_plugin(configSchema=population.SCHEMA)
        world.change_scheduler(maxConcurrentFetches=60)
        for replica in replicas:
            replica.operator.start()
        names = _populate(plan, world)
        say(f"{len(names)} Integrations, {len(replicas)} replicas, Lease {LEASE_SECONDS} s")
        supervisor.start()
        people = People(stage, names, random.Random(f"{plan.seed} people"))
        people.start()
        began = time.time()
        injected, disturbances = _break(plan, stage, say)
        stage.ended.set()
        people.join(130)
        people.resume(at_most=0)
        say(f"no more faults; {plan.settle_seconds:.0f} s to come to rest")
        # Time for whatever is stuck to be seen as stuck; nothing is waited for, since nothing is
        # known to come.
        time.sleep(plan.settle_seconds)
        ended_at = time.time()
        observations = recorder.observations()
        recorder.write(folder / "record.jsonl")
        writes = _at_rest(stage, plan.rest_seconds)
        say("judging")
        findings = audit(
            observations,
            disturbances=disturbances,
            ended_at=ended_at,
            tolerance_seconds=TOLERANCE_SECONDS,
        )
        broken = writes + [line for r in replicas for line in _defects(r)]
        notes = [
            "acts of people: "
            + ", ".join(f"{kind} {times}" for kind, times in people.acts.most_common())
            + f"; of all by hand, in vain: {stage.not_applied}",
            f"own watches of the record interrupted: {recorder.interruptions}",
            f"objects' versions recorded: {len(observations)}",
        ]
        calm = Intervals(disturbances).outside(began, ended_at) / (ended_at - began)
        return Result(plan, findings, injected, broken, notes, calm)
    finally:
        stage.ended.set()
        for replica in replicas:
            replica.held = True
            replica.operator.kill()
            replica.proxy.stop()
        recorder.stop()
        world.close()


def _replica(world: World, folder: Path, number: int) -> Replica:
    home = folder / f"replica-{number}"
    home.mkdir()
    proxy, wall_clock = Proxy(world.kubeconfig, home).start(), WallClock(home)
    operator = Operator(
        proxy.kubeconfig,
        home,
        namespace=world.namespace,
        lease_seconds=LEASE_SECONDS,
        wall_clock=wall_clock,
    )
    return Replica(operator, proxy, wall_clock)


def _populate(plan: Plan, world: World) -> list[str]:
    rng = random.Random(f"{plan.seed} population")
    names = [f"of-{number:04}" for number in range(plan.integrations)]
    for name in names:
        world.make(name, **population.spec(rng))
    return names


def _supervise(stage: Stage) -> None:
    while not stage.ended.is_set():
        stage.restart_what_ended()
        stage.pause(0.5)


def _break(
    plan: Plan, stage: Stage, say: Callable[[str], None]
) -> tuple[dict[str, list[float]], list[tuple[float, float]]]:
    """Draw faults until the time is up. The same seed draws the same, in the same order.

    How long each lasted, by fault; and the times in which nobody could be expected to act.
    """
    rng = random.Random(f"{plan.seed} faults")
    injected: dict[str, list[float]] = defaultdict(list)
    disturbances: list[tuple[float, float]] = []
    began, drawn = time.time(), 0
    while (at := time.time() - began) < plan.minutes * 60:
        kind, own = faults.draw(rng), random.Random(rng.getrandbits(64))
        say(f"{at:6.1f} s: {kind.name}")
        kind.act(stage, own)
        ended = time.time()
        injected[kind.name].append(ended - began - at)
        match kind.unsettles:
            case Unsettles.BRIEFLY:
                disturbances.append((began + at, began + at + GAP_SECONDS))
            case Unsettles.THROUGHOUT:
                disturbances.append((began + at, ended + GAP_SECONDS))
        drawn += 1
        pause = rng.choice([0.2, 2.0, rng.uniform(2, 10)])
        stage.pause(pause if drawn % WAVE else CALM_SECONDS)
    return injected, disturbances


def _at_rest(stage: Stage, seconds: float) -> list[str]:
    """I6: with the Scheduler suspended and all told so, nothing but heartbeats is written."""
    stage.world.change_scheduler(suspend=True)
    until(lambda: all(map(_rests, stage.recorder.latest("Integration"))), 90, "no rest")
    # Pruning follows the last outcome.
    until(lambda: not _writes(stage, lambda: time.sleep(2)), 30, "no rest")
    return [f"written at rest: {call}" for call in _writes(stage, lambda: time.sleep(seconds))]


def _writes(stage: Stage, meanwhile: Callable[[], None]) -> list[Call]:
    before = [len(replica.proxy.calls) for replica in stage.replicas]
    meanwhile()
    return [
        call
        for replica, start in zip(stage.replicas, before, strict=True)
        for call in replica.proxy.calls[start:]
        if _is_write(call)
    ]


def _rests(body: dict[str, Any]) -> bool:
    status = body.get("status") or {}
    reasons = {c["reason"] for c in status.get("conditions", ()) if c["type"] == "Ready"}
    return not due.running(body) and reasons <= {"Suspended", "InvalidConfig"}


def _is_write(call: Call) -> bool:
    heartbeat = call.lease or re.search("/schedulers/[^/]+/status$", call.path)
    return call.method != "GET" and not heartbeat


def _defects(replica: Replica) -> list[str]:
    """What the log of a replica and its exits say of defects of ours."""
    log = replica.operator.log.read_text(encoding="utf-8", errors="replace")
    found = [f"{replica.operator.log}: {n} tracebacks" for n in [log.count("Traceback (")] if n]
    lost_lead = log.count("took the lead; this process ends")
    ended = sum(replica.ended_by_itself.values())
    if ended > lost_lead:
        found.append(f"{replica.operator.log}: ended by itself {ended - lost_lead} times")
    return found
