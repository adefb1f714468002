"""What several of these tests say about Integrations, Plugins and Jobs of one world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

QUICK = {"delay": "100ms"}
NEVER_AGAIN = {"retryDelaysSeconds": [3600], "updateFrequencyMinutes": 1440}


def fails(code: int = 1, *, delay: str = "100ms", **message: Any) -> dict[str, str]:
    """The fate of a pod whose runner ends with that exit code and message."""
    return {
        "outcome": "fail",
        "delay": delay,
        "exit-code": str(code),
        "message": json.dumps({"message": "no", **message}),
    }


def settings(fate: dict[str, str]) -> dict[str, str | None]:
    """A config with that fate alone, as a change of the spec: what it does not name is taken away."""
    keys = ("outcome", "delay", "exit-code", "message", "reason")
    return {f"dev.spark/{key}": fate.get(key) for key in keys}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def job_of(world: World, name: str, number: int = 1, seconds: float = 10) -> str:
    """The name of the Job of that run, once it is there."""
    until(
        lambda: (
            world.run(name).get("number") == number
            and world.run(name)["jobName"] in world.job_names()
        ),
        seconds,
        lambda: f"{name} has no Job {number}: {world.status(name)}",
    )
    job: str = world.run(name)["jobName"]
    return job


def runs(world: World, name: str) -> int:
    number: int = world.run(name).get("number", 0)
    return number


def beats(world: World, count: int) -> None:
    """Wait for that many ticks of the leader."""
    for _ in range(count):
        before = world.scheduler().get("status", {}).get("lastCheckAt")
        until(
            lambda seen=before: (  # type: ignore[misc]
                world.scheduler().get("status", {}).get("lastCheckAt") != seen
            ),
            40,
            "no tick",
        )


@contextmanager
def plugin(world: World, suffix: str, **spec: Any) -> Iterator[str]:
    """A further Plugin, for as long as the context lasts; Plugins are cluster-wide."""
    name = f"{world.namespace}-{suffix}"
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Plugin",
        "metadata": {"name": name},
        "spec": {"configSchema": {"type": "object"}, "maxConcurrentFetches": 1000, **spec},
    }
    world.objects.create_cluster_custom_object(GROUP, VERSION, "plugins", body)
    try:
        yield name
    finally:
        world.delete("plugin", name)


def pod_of(world: World, job: str) -> str:
    """The name of the one pod of a Job that is running."""
    found: list[str] = []

    def running() -> bool:
        pods = world.core.list_namespaced_pod(
            world.namespace, label_selector=f"batch.kubernetes.io/job-name={job}"
        )
        found[:] = [
            p.metadata.name
            for p in pods.items
            if p.status.phase == "Running" and p.metadata.deletion_timestamp is None
        ]
        return len(found) == 1

    until(running, 15, f"no pod of {job} runs")
    return found[0]


def end_pod(world: World, pod: str, **status: Any) -> None:
    """Report the pod as failed, as its kubelet would; ``status`` says more."""
    body = {
        "phase": "Failed",
        "containerStatuses": [
            {
                "name": "fetch",
                "image": "none:1",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": {"exitCode": 143, "reason": "Error"}},
            }
        ],
        **status,
    }
    world.core.patch_namespaced_pod_status(pod, world.namespace, {"status": body})
