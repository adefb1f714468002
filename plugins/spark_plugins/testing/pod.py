"""`spark-fetch` as a process of its own, with the folders of a pod below one of the test's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDERS = ("credentials", "destination", "data", "tmp")

# A text, not an import: plugins do not know the runner.
_PROGRAM = """
import sys
from pathlib import Path
from spark_runner.main import run
from spark_runner.paths import Paths
base = Path(sys.argv[1])
sys.exit(run(Paths(
    credentials=base / "credentials",
    destination=base / "destination",
    data=base / "data",
    temporary=base / "tmp",
    termination_message=base / "termination-log",
)))
"""


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

    def start(self, timeout_seconds: int = 60) -> subprocess.Popen[bytes]:
        (self.base / "termination-log").write_bytes(b"")
        keys = [{"name": key, "required": False} for key in self.credentials]
        document = {
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
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, self.python_path)),
            "SPARK_INTEGRATION": json.dumps(document),
        }
        # A file, not a pipe: whoever kills the process reads what it wrote until then.
        with (self.base / "output").open("wb") as output:
            return subprocess.Popen(  # noqa: S603  (this interpreter and a text of ours)
                [sys.executable, "-c", _PROGRAM, str(self.base)],
                env=environment,
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def end(self, process: subprocess.Popen[bytes], seconds: float = 90) -> Ended:
        """Wait for its end; raises `subprocess.TimeoutExpired`, after killing it."""
        try:
            process.wait(seconds)
        finally:
            process.kill()
            process.wait()
        raw = (self.base / "termination-log").read_bytes()
        output = (self.base / "output").read_text(encoding="utf-8", errors="replace")
        try:
            message = json.loads(raw)
        except ValueError:
            message = {}
        return Ended(
            process.returncode,
            message if isinstance(message, dict) else {},
            output + raw.decode(errors="replace"),
        )

    def fetch(self, timeout_seconds: int = 60) -> Ended:
        return self.end(self.start(timeout_seconds), timeout_seconds + 30)
