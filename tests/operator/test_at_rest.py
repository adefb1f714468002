"""Whatever an Integration rests in, resting costs nothing: no write, no Event, no Job."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK, beats, fails, job_of
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

# name → (fate, spec, the reason in which it rests)
STATES: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "fetched": (QUICK, {}, "Fetched"),
    "backing-off": (fails(), NEVER_AGAIN, "BackingOff"),
    "limited": (fails(11, retryAfterSeconds=900), NEVER_AGAIN, "RateLimited"),
    "expired": (fails(10, reason="InvalidCredentials"), NEVER_AGAIN, "InvalidCredentials"),
    "failed": (fails(), {**NEVER_AGAIN, "retryDelaysSeconds": []}, "Failed"),
    "suspended": (QUICK, {"suspend": True}, "Suspended"),
    "stranger": (QUICK, {"service": "nobody-knows"}, "UnknownService"),
    "large": ({"note": "x" * 17_000}, {}, "InvalidConfig"),
    # Looked for every 15 s.
    "claimless": (QUICK, {"destination": {"type": "duckdb", "claimName": "none"}}, "InvalidConfig"),
    "odd": (QUICK, {}, "Fetched"),
    "limited-and-asked": (fails(11, retryAfterSeconds=7200), NEVER_AGAIN, "RateLimited"),
    "running": ({"outcome": "hang"}, {"timeoutSeconds": 3600}, "Fetching"),
}


def test_what_rests_is_not_written_again_nor_spoken_of_again(world: World) -> None:
    for name, (fate, spec, _) in STATES.items():
        world.make(name, fate=fate, **spec)
    for name, (_, _, reason) in STATES.items():
        world.wait_reason(name, reason)
    world.request("odd", "")
    world.request("limited-and-asked", "now")
    until(lambda: "is ignored" in world.condition("odd")["message"], 10)
    job = job_of(world, "running")
    until(lambda: world.jobs.read_namespaced_job(job, world.namespace).status.ready == 1, 10)

    def versions() -> dict[str, list[str]]:
        """Of everything in the namespace that may be written for an Integration."""
        return {
            **{name: [world.get(name)["metadata"]["resourceVersion"]] for name in STATES},
            "jobs": sorted(
                j.metadata.resource_version
                for j in world.jobs.list_namespaced_job(world.namespace).items
            ),
            "events": sorted(
                f"{e.involved_object.name}: {e.message}"
                for e in world.core.list_namespaced_event(world.namespace).items
                if e.involved_object.kind == "Integration"
            ),
        }

    before, started = versions(), time.monotonic()
    while time.monotonic() - started < 17:
        beats(world, 1)
    assert versions() == before


def test_an_event_tells_of_each_failure_once(world: World) -> None:
    for name, (_, _, reason) in STATES.items():
        told = [why for _, why, _ in world.events(name)]
        quiet = reason in ("Fetched", "Suspended", "Fetching")
        assert told == ([] if quiet and name != "odd" else ["InvalidRequest" if quiet else reason])
