"""The operator as a process: started, killed, frozen, asked to end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.waiting import until
from tests.support.wall_clock import WallClock


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Operator:
    """One replica. ``log`` is a file that outlives it; a new process appends.

    ``within`` wraps its command, as `Cluster.command` does to run it in the cluster's network;
    ``arguments`` come last, so that they win.
    """

    def __init__(
        self,
        kubeconfig: str | Path,
        folder: Path,
        *,
        namespace: str,
        name: str = "operator",
        lease_seconds: int = 15,
        wall_clock: WallClock | None = None,
        log_format: str = "text",
        arguments: Sequence[str] = (),
        within: Callable[[Sequence[str]], list[str]] = list,
    ) -> None:
        self.log = folder / f"{name}.log"
        self._kubeconfig = str(kubeconfig)
        self._namespace = namespace
        self._lease_seconds = lease_seconds
        self._wall_clock = wall_clock
        self._log_format = log_format
        self._arguments = arguments
        self._within = within
        self._process: subprocess.Popen[bytes] | None = None
        self._written = 0
        self.port = free_port()
        self.metrics_port = free_port()

    def start(self) -> Operator:
        self._written = self.log.stat().st_size if self.log.exists() else 0
        clock = self._wall_clock.environment if self._wall_clock else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._within(
                    [
                        str(Path(sys.executable).with_name("spark-operator")),
                        f"--scheduler={self._namespace}/spark",
                        "--runner-image=none:1",
                        f"--watch-namespace={self._namespace}",
                        f"--health-port={self.port}",
                        f"--metrics-port={self.metrics_port}",
                        f"--lease-seconds={self._lease_seconds}",
                        f"--log-format={self._log_format}",
                        *self._arguments,
                    ]
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **clock, "KUBECONFIG": self._kubeconfig},
            )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def cpu_seconds(self) -> float:
        """What the current process has used so far, of all cores together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = int(fields[11]), int(fields[12])
        return (user + system) / os.sysconf("SC_CLK_TCK")

    def output(self) -> str:
        """What the current process has written."""
        return self.log.read_bytes()[self._written :].decode("utf-8", "replace")

    def leads(self) -> bool:
        """By its own word, the last that it said of it."""
        told = re.findall(r"(leading as|not leading any more)", self.output())
        return self.running and bool(told) and told[-1] == "leading as"

    def wait_leading(self, seconds: float = 30) -> Operator:
        until(self.leads, seconds, lambda: f"it does not lead: {self.output()[-2000:]}")
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for it to be gone; again is harmless."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        if self._wall_clock is not None:
            self._wall_clock.tidy()

    def terminate(self, seconds: float = 10) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)
