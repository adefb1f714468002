"""A cluster of its own for one measurement: what an earlier one left behind would slow the next.

Whatever is measured runs in the cluster's network, straight to the API server. This process does not:
it only prepares and reads the audit log.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.cluster import Cluster
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

from bench import population, prepared
from bench.audit import OPERATOR, AuditLog
from bench.prepared import Prepared

# Machines differ by more than ten times: this is when to give up, not what is expected.
PATIENCE_SECONDS = 120.0
PATIENCE_SECONDS_EACH = 0.3


def patience(count: int) -> float:
    return PATIENCE_SECONDS + PATIENCE_SECONDS_EACH * count


class Stage:
    """An API server with controllers and kwok, a World on it, and the operator's replicas."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.audit = AuditLog(cluster.layout.log("audit"))
        self.world = World(cluster)
        self.replicas: list[Operator] = []
        self._folder = folder
        self.world.change_scheduler(maxConcurrentFetches=10_000)

    def within(self, command: Sequence[str]) -> list[str]:
        """The command in the cluster's network, and in a session of its own as each component is.

        Linux gives every session the same share of the processor: one that is shared with the terminal
        of a busy build would make a slow operator beside fast peers. It ends with us, however we end.
        """
        alone = ["setsid", "setpriv", "--pdeathsig", "KILL", "--"]
        return [*alone, *self.cluster.command(command)]

    # --- preparing

    def send(
        self, lines: Iterable[list[Prepared]], *, agent: str = "bench", connections: int = 16
    ) -> None:
        """Send them from within the cluster's network. Raises CalledProcessError where one is refused."""
        file = self._folder / "requests.jsonl"
        prepared.write(file, lines)
        command = [sys.executable, "-m", "bench.send", str(file)]
        command += ["--connections", str(connections), "--agent", agent]
        done = subprocess.run(
            self.within(command),
            env=self.cluster.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise subprocess.SubprocessError(done.stderr[-2000:])

    def make_integrations(
        self,
        count: int,
        fate: Mapping[str, str],
        *,
        frequency_minutes: int = population.FREQUENCY_MINUTES,
    ) -> None:
        namespace = self.world.namespace
        for service in population.services(namespace, count):
            if service != namespace:
                self._make_plugin(service)
        self.send(population.creations(namespace, count, fate, frequency_minutes))

    def _make_plugin(self, service: str) -> None:
        like = self.plugin(self.world.namespace)
        body = {k: like[k] for k in ("apiVersion", "kind", "spec")}
        self.world.objects.create_cluster_custom_object(
            GROUP, VERSION, "plugins", {**body, "metadata": {"name": service}}
        )

    def make_due(
        self, at: Mapping[str, datetime], *, frequency_minutes: int = population.FREQUENCY_MINUTES
    ) -> None:
        self.send(population.due(self.world.namespace, at, frequency_minutes))

    def plugin(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.objects.get_cluster_custom_object(
            GROUP, VERSION, "plugins", service
        )
        return found

    def integrations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.objects.list_namespaced_custom_object(
            GROUP, VERSION, self.world.namespace, "integrations"
        )["items"]
        return found

    def claims(self) -> Iterator[tuple[Prepared, dict[str, Any]]]:
        """What the operator would do now for each Integration: the claim and the Job's manifest."""
        scheduler, now = self.world.scheduler(), datetime.now(UTC)
        plugins: dict[str, dict[str, Any]] = {}
        for body in self.integrations():
            service = body["spec"]["service"]
            plugin = plugins.setdefault(service, plugins.get(service) or self.plugin(service))
            yield population.claimed(body, plugin, scheduler, now)

    # --- the operator

    def replica(self) -> Operator:
        """Another replica, not started."""
        made = Operator(
            self.cluster.kubeconfig,
            self._folder,
            namespace=self.world.namespace,
            name=f"replica-{len(self.replicas)}",
            within=self.within,
        )
        self.replicas.append(made)
        return made

    def start_replicas(self, count: int, integrations: int) -> Operator:
        """The leader, once all replicas have whole caches and nothing is left to write."""
        for _ in range(count):
            self.replica().start()
        self.wait_ready(integrations)
        self.wait_settled(integrations)
        return self.leader()

    def wait_ready(self, integrations: int) -> None:
        until(
            lambda: (
                all("caches are whole" in one.output() for one in self.replicas)
                and any(one.leads() for one in self.replicas)
            ),
            patience(integrations),
            lambda: "\n".join(one.output()[-1000:] for one in self.replicas),
        )

    def wait_settled(self, integrations: int) -> None:
        """Until the operator writes no Integration any more."""
        self.audit.wait_quiet(
            f'"userAgent":"{OPERATOR}"',
            '"resource":"integrations"',
            '"subresource":"status"',
            quiet_seconds=3,
            limit_seconds=patience(integrations),
        )

    def scrape(self, replica: Operator, times: int, *, disturbed: bool = False) -> dict[str, float]:
        """What `bench.scrape` tells; ``disturbed``: with how long others wait meanwhile."""
        ports = [replica.metrics_port, replica.port if disturbed else 0, times]
        done = subprocess.run(
            self.within([sys.executable, "-m", "bench.scrape", *map(str, ports)]),
            env=self.cluster.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise subprocess.SubprocessError(done.stderr[-2000:])
        told: dict[str, float] = json.loads(done.stdout)
        return told

    def leader(self) -> Operator:
        return next(one for one in self.replicas if one.leads())

    def close(self) -> None:
        for replica in self.replicas:
            replica.kill()

    def cpu_seconds(self) -> dict[str, float]:
        """What each component has used so far, and "operator": all replicas together."""
        used = {name: cpu_seconds(n) for name, n in self.cluster.process_numbers().items()}
        if self.replicas:
            used["operator"] = sum(cpu_seconds(one.pid) for one in self.replicas)
        return used

    def cpu_milliseconds_each(self, before: Mapping[str, float], count: int) -> dict[str, float]:
        """What each has used since ``before``, divided among ``count`` fetches."""
        now = self.cpu_seconds()
        return {name: (now[name] - before[name]) * 1000 / count for name in before}


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, of all cores together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_megabytes(pid: int) -> float:
    """The most memory it ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def wait_until(moment: float) -> None:
    """``moment`` is a Unix time."""
    while (left := moment - time.time()) > 0:
        time.sleep(min(left, 1.0))


@contextlib.contextmanager
def stage(*, stock_limits: bool = False) -> Iterator[Stage]:
    """A new cluster, removed afterwards, also where this process is killed. ``stock_limits``: its
    controllers ask the API server no faster than Kubernetes lets them by default."""
    cluster = Cluster(
        f"bench-{os.getpid()}",
        kubeless=True,
        tmpfs=True,
        audit=True,
        dies_with_caller=True,
        stock_limits=stock_limits,
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made = None
        try:
            cluster.up()
            made = Stage(cluster, Path(folder))
            yield made
        finally:
            if made is not None:
                made.close()
            cluster.down()
