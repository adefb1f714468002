"""`spark-fetch` as a process of its own, with the folders of a pod below one of the test's."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

# Not what a fetch takes, but what a machine with too much to do may need: an end by its own deadline
# would be taken for a fault of the plugin.
AMPLE_SECONDS = 300

FOLDERS = ("credentials", "destination", "data", "tmp")

# By name, not by import: plugins do not know the runner.
_RUNNER = "spark_runner.main"
_FORKS = multiprocessing.get_context("forkserver")
# Most of a fetch is importing these: a process is forked from one that has done so. What is not
# installed is passed over.
_FORKS.set_forkserver_preload(
    [
        "spark_plugins.testing.pod",
        _RUNNER,
        "dlt.sources.rest_api",
        "dlt.destinations.impl.duckdb.factory",
        "dlt.destinations.impl.postgres.factory",
        "duckdb",
        "psycopg2",
    ]
)

# The exit code of a process is read once, from a pipe. To start a process asks all others for theirs:
# of two threads that ask at once one would find the pipe empty, and take that for exit code 255.
_ASKING = threading.Lock()


def _become(
    base: Path, environment: dict[str, str], python_path: list[str], addresses: dict[str, str]
) -> None:
    """Turn the forked process into that of a pod: its streams, its environment, its exit code."""
    output = os.open(base / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(output, number)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = python_path
    for place, value in addresses.items():
        module, name = place.split(":")
        setattr(importlib.import_module(module), name, value)
    main = importlib.import_module(_RUNNER)
    paths = importlib.import_module("spark_runner.paths").Paths(
        credentials=base / "credentials",
        destination=base / "destination",
        data=base / "data",
        temporary=base / "tmp",
        termination_message=base / "termination-log",
    )
    sys.exit(main.run(paths))


def no_more() -> None:
    """Kill every fetch and let none start, for the rest of this process: its run was stopped."""
    # Never released: a check that is under way would start the next fetch, in a folder that is gone.
    _ASKING.acquire()
    for process in multiprocessing.active_children():
        process.kill()


class Running:
    """The process of a fetch."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    def wait(self, seconds: float) -> int:
        """Its exit code, negative for a signal; raises `TimeoutError`."""
        wait([self._process.sentinel], seconds)
        with _ASKING:
            exit_code = self._process.exitcode
        if exit_code is None:
            raise TimeoutError(f"the fetch runs on after {seconds:.1f} s")
        return exit_code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        """End it at once, and wait until it has."""
        self._process.kill()
        wait([self._process.sentinel])
        with _ASKING:
            self._process.join()


@dataclass(frozen=True)
class Ended:
    """How a fetch ended; a process that was killed has the negative signal as its `exit`."""

    exit: int
    message: Mapping[str, Any]
    output: str

    @property
    def said(self) -> str:
        return str(self.message.get("message", ""))


@dataclass
class Pod:
    """One Integration; each fetch is a new process."""

    base: Path
    plugin: str
    config: dict[str, Any]
    destination: dict[str, Any]
    credentials: Mapping[str, str] = field(default_factory=dict)
    destination_secret: Mapping[str, str] = field(default_factory=dict)
    python_path: Iterable[Path] = ()
    # Where the plugin finds its service: values by `module:NAME`.
    addresses: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "conformance"
    name: str = "integration"

    def __post_init__(self) -> None:
        for folder in FOLDERS:
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        for folder, keys in (
            ("credentials", self.credentials),
            ("destination", self.destination_secret),
        ):
            for key, text in keys.items():
                (self.base / folder / key).write_text(text, encoding="utf-8")

    def document(self, timeout_seconds: int) -> dict[str, Any]:
        """What the operator hands over (docs/contract.md)."""
        keys = [{"name": key, "required": False} for key in self.credentials]
        return {
            "version": 1,
            "uid": "conformance",
            "namespace": self.namespace,
            "name": self.name,
            "run": 1,
            "attempt": 1,
            "mode": "fetch",
            "service": self.plugin,
            "config": self.config,
            "credentials": {"secretName": "credentials", "keys": keys} if keys else None,
            "destination": self.destination,
            "timeoutSeconds": timeout_seconds,
        }

    def start(self, timeout_seconds: int = AMPLE_SECONDS) -> Running:
        (self.base / "termination-log").write_bytes(b"")
        environment = {
            "PATH": os.environ["PATH"],
            "SPARK_INTEGRATION": json.dumps(self.document(timeout_seconds)),
        }
        (self.base / "output").write_bytes(b"")
        process = _FORKS.Process(
            target=_become,
            args=(
                self.base,
                environment,
                list(map(str, self.python_path)),
                dict(self.addresses),
            ),
            daemon=True,
        )
        with _ASKING:
            process.start()
        return Running(process)

    def end(self, process: Running, seconds: float = AMPLE_SECONDS + 30) -> Ended:
        """Wait for its end; raises `TimeoutError`, after killing it."""
        try:
            exit_code = process.wait(seconds)
        finally:
            process.kill()
        raw = (self.base / "termination-log").read_bytes()
        output = (self.base / "output").read_text(encoding="utf-8", errors="replace")
        try:
            message = json.loads(raw)
        except ValueError:
            message = {}
        return Ended(
            exit_code,
            message if isinstance(message, dict) else {},
            output + raw.decode(errors="replace"),
        )

    def fetch(self, timeout_seconds: int = AMPLE_SECONDS) -> Ended:
        return self.end(self.start(timeout_seconds), timeout_seconds + 30)
