"""What a fetch takes on a real node beyond a Job that does nothing: `make bench-node`.

The fetch is the demonstration's: 50 orders by HTTP into PostgreSQL, asked for by annotation, until its
outcome is recorded. The empty Job has the same image on the same node, until it is Complete. Both times
are the API server's, and the two take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from dev.cluster import Cluster
from dev.demo import place as places
from dev.demo.run import NAMESPACE, Demo
from dev.waiting import until

from bench import report
from bench.audit import OPERATOR, AuditLog, Request
from bench.budgets import Metric
from bench.machine import facts

_INTEGRATION = "orders-to-postgres"
_LIMIT_SECONDS = 120


def empty_job(name: str, image: str) -> dict[str, Any]:
    """As bare as a Job can be that Pod Security admits where ours run."""
    container = {"name": "empty", "image": image, "command": ["python", "-S", "-c", ""]}
    pod = {"restartPolicy": "Never", "containers": [container], "enableServiceLinks": False}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


def seconds_between(
    requests: list[Request], begins: tuple[str, str, str], ends: tuple[str, str, str]
) -> float:
    """From the receipt of the first accepted ``(verb, resource, name)`` to the last answer of the other."""

    def those(what: tuple[str, str, str]) -> list[Request]:
        return [r for r in requests if (r.verb, r.resource, r.name) == what and r.accepted]

    return max(r.ended for r in those(ends)) - min(r.began for r in those(begins))


class Node:
    """The demonstration on a node of its own, installed and fetched once."""

    def __init__(self, cluster: Cluster) -> None:
        self._place = places.local(cluster)
        self._demo = Demo(self._place, say=lambda _: None)
        self._demo.install()
        self._demo.source()
        self._demo.destinations()
        self._demo.integrations()
        self._audit = AuditLog(cluster.layout.log("audit"))

    def empty(self, number: int) -> float:
        name, mark = f"empty-{number}", self._audit.mark()
        body = json.dumps(empty_job(name, self._place.runner_image))
        self._place.kubectl("create", "-n", NAMESPACE, "-f", "-", stdin=body)
        self._place.kubectl(
            "wait",
            "--for=condition=Complete",
            f"--timeout={_LIMIT_SECONDS}s",
            "-n",
            NAMESPACE,
            "job",
            name,
        )
        done = self._audit.since(mark)
        self._place.kubectl("delete", "job", name, "-n", NAMESPACE)
        return seconds_between(done, ("create", "jobs", name), ("update", "jobs/status", name))

    def fetch(self, number: int) -> float:
        token, mark = f"{time.time_ns()}-{number}", self._audit.mark()
        self._demo.force(_INTEGRATION, token)
        until(lambda: self._recorded(token), _LIMIT_SECONDS, "the fetch", every=0.2)
        ours = [r for r in self._audit.since(mark) if OPERATOR in r.client or "kubectl" in r.client]
        return seconds_between(
            ours,
            ("patch", "integrations", _INTEGRATION),
            ("patch", "integrations/status", _INTEGRATION),
        )

    def _recorded(self, token: str) -> bool:
        """Raises AssertionError where the fetch failed: its time would say nothing."""
        found = {b["metadata"]["name"]: b for b in self._place.get("integrations", NAMESPACE)}
        status = found[_INTEGRATION].get("status", {})
        if status.get("lastHandledRequest") != token or status["run"]["outcome"] == "Running":
            return False
        if status["run"]["outcome"] != "Succeeded":
            raise AssertionError(f"the fetch failed: {status['run']}")
        return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("build/bench-node.json"))
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    cluster = Cluster(f"bench-{os.getpid()}", tmpfs=True, audit=True, dies_with_caller=True)
    try:
        node = Node(cluster)
        pairs = [(node.empty(n), node.fetch(n)) for n in range(chosen.times)]
    finally:
        cluster.down()
    empty, fetch = (median(times) for times in zip(*pairs, strict=True))
    print(f"empty Job p50 {empty:.2f} s, fetch p50 {fetch:.2f} s, of {len(pairs)} pairs\n")
    metrics = [Metric("fetchOverhead", fetch - empty, 4, 1, len(pairs), empty)]
    print(report.table(metrics))
    report.write_json(chosen.output, facts(load), metrics)
    return 0


if __name__ == "__main__":
    sys.exit(main())
