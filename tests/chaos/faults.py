"""The catalogue of faults. Each begins, lasts, and puts right what it broke."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from tests.chaos import population
from tests.chaos.stage import Replica, Stage
from tests.faults.proxy import CLAIM_OR_RECORD, CREATE_JOB, LEASE, WATCH, Call, Fault


class Unsettles(Enum):
    NOT = "not"
    BRIEFLY = "briefly"
    THROUGHOUT = "throughout"


Act = Callable[[Stage, random.Random], None]
_ALWAYS = 10**9


@dataclass(frozen=True)
class Kind:
    """``unsettles``: from when on somebody can be expected to act, as soon as the lead and the view are
    found again: from its beginning, since another takes over, or only from its end."""

    name: str
    weight: int
    act: Act
    unsettles: Unsettles


KINDS: dict[str, Kind] = {}


def fault(
    name: str, weight: int = 2, *, unsettles: Unsettles = Unsettles.THROUGHOUT
) -> Callable[[Act], Act]:
    def register(act: Act) -> Act:
        KINDS[name] = Kind(name, weight, act, unsettles)
        return act

    return register


def draw(rng: random.Random) -> Kind:
    return rng.choices(list(KINDS.values()), [kind.weight for kind in KINDS.values()])[0]


# --- the processes


@fault("leader killed (SIGKILL)", weight=5, unsettles=Unsettles.BRIEFLY)
def _kill_leader(stage: Stage, rng: random.Random) -> None:
    leader = stage.leader()
    with stage.down(leader):
        leader.operator.kill()
        stage.pause(rng.uniform(0, 3))


@fault("all replicas killed (SIGKILL)")
def _kill_all(stage: Stage, rng: random.Random) -> None:
    with stage.down(*stage.replicas):
        for replica in stage.replicas:
            replica.operator.kill()
        stage.pause(rng.uniform(0, 5))


@fault("leader ended (SIGTERM)", unsettles=Unsettles.BRIEFLY)
def _end_leader(stage: Stage, rng: random.Random) -> None:
    leader = stage.leader()
    with stage.down(leader):
        leader.operator.signal(signal.SIGTERM)
        stage.pause(rng.uniform(2, 4))


@fault("leader frozen and woken (SIGSTOP, SIGCONT)", weight=4, unsettles=Unsettles.BRIEFLY)
def _freeze_leader(stage: Stage, rng: random.Random) -> None:
    leader = stage.leader()
    leader.operator.signal(signal.SIGSTOP)
    stage.pause(rng.uniform(1, 15))
    leader.operator.signal(signal.SIGCONT)


@fault("wall clock an hour off", weight=2)
def _clock(stage: Stage, rng: random.Random) -> None:
    """Of one replica, or of all."""
    jumps = rng.choice([stage.replicas, [stage.leader()], [rng.choice(stage.replicas)]])
    offset = rng.choice([-3600, 3600])
    for replica in jumps:
        replica.wall_clock.move(offset)
    stage.pause(rng.uniform(5, 20))
    for replica in jumps:
        replica.wall_clock.move(0)


# --- the way to the API server


def _during(
    stage: Stage, proxies: list[Replica], faults: Callable[[], Fault], seconds: float
) -> None:
    added = [(replica.proxy, replica.proxy.add(faults())) for replica in proxies]
    stage.pause(seconds)
    for proxy, each in added:
        proxy.faults.remove(each)


def _some(stage: Stage, share: float, matches: Callable[[Call], bool]) -> Callable[[Call], bool]:
    return lambda call: matches(call) and stage.randomness.random() < share


def _write(call: Call) -> bool:
    return call.method != "GET" and not call.lease


def _ordinary(call: Call) -> bool:
    return not call.watch and not call.lease


@fault("answers lost after the server did it", weight=4)
def _lost_answers(stage: Stage, rng: random.Random) -> None:
    share = rng.choice([0.1, 0.5])
    _during(
        stage,
        stage.replicas,
        lambda: Fault(_some(stage, share, _write), times=_ALWAYS, drop=True),
        rng.uniform(3, 12),
    )


@fault("answers late")
def _late_answers(stage: Stage, rng: random.Random) -> None:
    delay = rng.uniform(0.2, 4)
    _during(
        stage,
        stage.replicas,
        lambda: Fault(_some(stage, 0.5, _ordinary), times=_ALWAYS, delay_seconds=delay),
        rng.uniform(5, 12),
    )


@fault("answers 429, 500, 503", weight=4)
def _errors(stage: Stage, rng: random.Random) -> None:
    code = rng.choice([429, 500, 503])
    _during(
        stage,
        stage.replicas,
        lambda: Fault(
            _some(stage, 0.5, _ordinary),
            times=_ALWAYS,
            answer=code,
            retry_after=1 if code == 429 else None,
        ),
        rng.uniform(3, 10),
    )


@fault("answers 409 to claims and outcomes")
def _conflicts(stage: Stage, rng: random.Random) -> None:
    _during(
        stage,
        stage.replicas,
        lambda: Fault(_some(stage, 0.5, CLAIM_OR_RECORD), times=_ALWAYS, answer=409),
        rng.uniform(3, 10),
    )


@fault("answers 422 to new Jobs", unsettles=Unsettles.NOT)
def _refusals(stage: Stage, rng: random.Random) -> None:
    _during(
        stage,
        stage.replicas,
        lambda: Fault(_some(stage, 0.3, CREATE_JOB), times=_ALWAYS, answer=422),
        rng.uniform(2, 6),
    )


@fault("answers 410 to watches")
def _expired(stage: Stage, rng: random.Random) -> None:
    replica = rng.choice(stage.replicas)
    times = rng.randint(1, 5)
    added = replica.proxy.add(Fault(WATCH, times=times, answer=410))
    replica.proxy.cut_watches()
    stage.pause(3)
    replica.proxy.faults.remove(added)


@fault("watches cut", weight=3, unsettles=Unsettles.NOT)
def _cut(stage: Stage, rng: random.Random) -> None:
    for replica in stage.replicas:
        replica.proxy.cut_watches()


@fault("watches silent", weight=1)
def _silent(stage: Stage, rng: random.Random) -> None:
    replica = stage.leader()
    replica.proxy.silence_watches()
    # Three times in ten nobody helps: the operator has to notice (within 70 s).
    stage.pause(75 if rng.random() < 0.3 else rng.uniform(3, 15))
    replica.proxy.back()
    replica.proxy.cut_watches()


@fault("Lease out of reach of the leader")
def _lease_unreachable(stage: Stage, rng: random.Random) -> None:
    _during(
        stage,
        [stage.leader()],
        lambda: Fault(LEASE, times=_ALWAYS, answer=503),
        rng.uniform(1, 8),
    )


# --- the cluster


@fault("API server away from the operator")
def _away(stage: Stage, rng: random.Random) -> None:
    for replica in stage.replicas:
        replica.proxy.away()
    stage.pause(rng.uniform(2, 20))
    for replica in stage.replicas:
        replica.proxy.back()


def _restarted(stage: Stage, component: str, seconds: float) -> None:
    stage.cluster.kill(component)
    stage.pause(seconds)
    stage.cluster.start(component)


@fault("API server killed and started")
def _apiserver(stage: Stage, rng: random.Random) -> None:
    _restarted(stage, "apiserver", rng.uniform(0, 10))


@fault("etcd killed and started")
def _etcd(stage: Stage, rng: random.Random) -> None:
    _restarted(stage, "etcd", rng.uniform(0, 5))


@fault("Job controller killed and started", weight=1)
def _controllers(stage: Stage, rng: random.Random) -> None:
    _restarted(stage, "controllers", rng.uniform(0, 10))


# --- people


@fault("Jobs deleted by hand", weight=4, unsettles=Unsettles.NOT)
def _delete_jobs(stage: Stage, rng: random.Random) -> None:
    jobs = stage.jobs(unfinished=True) or stage.jobs(unfinished=False)
    for job in rng.sample(jobs, min(len(jobs), rng.randint(1, 5))):
        stage.by_hand(partial(stage.world.delete, "job", job["metadata"]["name"]))


@fault("pods deleted by hand", weight=3, unsettles=Unsettles.NOT)
def _delete_pods(stage: Stage, rng: random.Random) -> None:
    def act() -> None:
        world = stage.world
        names = [p.metadata.name for p in world.core.list_namespaced_pod(world.namespace).items]
        for name in rng.sample(sorted(names), min(len(names), rng.randint(1, 5))):
            stage.by_hand(
                partial(
                    world.core.delete_namespaced_pod,
                    name,
                    world.namespace,
                    grace_period_seconds=0,
                )
            )

    stage.by_hand(act)


@fault("Lease deleted by hand", unsettles=Unsettles.BRIEFLY)
def _delete_lease(stage: Stage, rng: random.Random) -> None:
    stage.by_hand(lambda: stage.world.delete("lease", "spark"))


@fault("Lease taken by hand", unsettles=Unsettles.BRIEFLY)
def _take_lease(stage: Stage, rng: random.Random) -> None:
    stage.by_hand(
        lambda: stage.world.leases.patch_namespaced_lease(
            "spark", stage.world.namespace, {"spec": {"holderIdentity": "somebody else"}}
        )
    )


@fault("Plugin deleted by hand and made again", weight=1, unsettles=Unsettles.NOT)
def _delete_plugin(stage: Stage, rng: random.Random) -> None:
    world = stage.world
    if stage.by_hand(lambda: world.delete("plugin", world.namespace)):
        stage.pause(rng.uniform(0, 5))
        stage.by_hand_until_done(lambda: world.make_plugin(configSchema=population.SCHEMA))


@fault("Scheduler deleted by hand and made again", weight=1, unsettles=Unsettles.NOT)
def _delete_scheduler(stage: Stage, rng: random.Random) -> None:
    world = stage.world
    places = rng.randint(40, 80)
    if stage.by_hand(lambda: world.delete("scheduler", "spark")):
        stage.pause(rng.uniform(0, 5))
        stage.by_hand_until_done(lambda: world.make_scheduler(maxConcurrentFetches=places))


@fault("Scheduler suspended and resumed", weight=1, unsettles=Unsettles.NOT)
def _suspend_scheduler(stage: Stage, rng: random.Random) -> None:
    if stage.by_hand(lambda: stage.world.change_scheduler(suspend=True)):
        stage.pause(rng.uniform(1, 6))
        stage.by_hand_until_done(lambda: stage.world.change_scheduler(suspend=False))
