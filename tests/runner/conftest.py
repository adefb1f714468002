"""`spark-fetch` as a process of its own, a scripted service, a real PostgreSQL, real DuckDB files."""

import json
import multiprocessing
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support import postgres as postgresql

from spark_plugins.testing import Service

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)

import pod_process  # noqa: E402  (found by its folder, as other processes find it)

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "pod_process",
        "dlt.sources.rest_api",
        "dlt.destinations.impl.duckdb.factory",
        "dlt.destinations.impl.postgres.factory",
        "duckdb",
        "psycopg2",
        "feedparser",
        "requests",
    ]
)


@dataclass
class Ended:
    exit: int
    message: dict
    raw: bytes
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return self.message.get("message", "")


@dataclass
class Pod:
    """One Integration and the folders of its pod."""

    base: Path
    service: str = "rest"
    config: dict = field(default_factory=dict)
    destination: dict = field(default_factory=lambda: {"type": "duckdb", "dataset": "team_a_alice"})
    credentials: dict | None = None
    timeout: int = 60
    name: str = "alice"
    environment: dict = field(default_factory=dict)
    mode: str = "fetch"
    since: str | None = None
    request: str | None = None
    egress_hosts: list = field(default_factory=list)

    def __post_init__(self):
        for folder in ("credentials", "destination", "data", "tmp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)

    def secret(self, **keys: str) -> None:
        """Mount the Integration's Secret with these keys, for a Plugin that declares them."""
        self.credentials = {
            "secretName": "alice-secret",
            "keys": [{"name": key, "required": False} for key in keys],
        }
        for key, text in keys.items():
            (self.base / "credentials" / key).write_text(text)

    def warehouse(self, **keys: str) -> None:
        """Mount the destination's Secret."""
        for key, text in keys.items():
            (self.base / "destination" / key).write_text(text)

    def document(self) -> dict:
        return {
            "version": 1,
            "uid": "6f1c",
            "namespace": "team-a",
            "name": self.name,
            "run": 42,
            "attempt": 1,
            "mode": self.mode,
            "since": self.since,
            "request": self.request,
            "service": self.service,
            "config": self.config,
            "credentials": self.credentials,
            "destination": self.destination,
            "egressHosts": self.egress_hosts,
            "timeoutSeconds": self.timeout,
        }

    def _environment(self, document: str | None) -> dict[str, str]:
        (self.base / "termination-log").write_bytes(b"")
        text = document or json.dumps(self.document()).replace("$", "\\u0024")
        return {"PATH": os.environ["PATH"], "SPARK_INTEGRATION": text, **self.environment}

    def start(self, document: str | None = None) -> subprocess.Popen:
        """A process from nothing, to send signals to."""
        return subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error",
                "-W",
                "ignore::DeprecationWarning",
                pod_process.__file__,
                str(self.base),
            ],
            env=self._environment(document),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen, seconds: float = 60) -> Ended:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return self._ended(process.returncode, stdout, stderr)

    def fetch(self, document: str | None = None) -> Ended:
        """A whole fetch in a process that was forked; see pod_process."""
        process = FORKS.Process(
            target=pod_process.forked, args=(self.base, self._environment(document)), daemon=True
        )
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            process.join()
        stdout, stderr = ((self.base / name).read_text() for name in ("stdout", "stderr"))
        return self._ended(process.exitcode, stdout, stderr)

    def _ended(self, code: int, stdout: str, stderr: str) -> Ended:
        raw = (self.base / "termination-log").read_bytes()
        # Everywhere, since every message of every test must hold to it.
        assert len(raw) <= 4096
        message = json.loads(raw) if raw else {}
        assert set(message) <= {"message", "rows", "retryAfterSeconds", "reason"}
        assert len(message.get("message", "")) <= 512
        return Ended(code, message, raw, stdout, stderr)

    def rows(self, sql: str) -> list:
        import duckdb

        file = self.base / "data" / f"{self.destination['dataset']}.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def leftovers(self) -> list:
        return list((self.base / "tmp").iterdir())


@pytest.fixture
def service():
    with Service() as running:
        yield running


@pytest.fixture
def pod(tmp_path) -> Pod:
    return Pod(tmp_path / "pod")


@pytest.fixture
def made(pod, service) -> Callable[..., Pod]:
    """A pod of a plugin of `plugins_for_tests`, with the scripted service."""

    def one(name: str, **environment: str) -> Pod:
        pod.service = name.lower()
        pod.config = {"url": service.url}
        pod.environment = {"PLUGIN": f"plugins_for_tests:{name}", **environment}
        return pod

    return one


@pytest.fixture
def rest(pod, service) -> Pod:
    """A pod that fetches /items of the scripted service by `id`."""
    pod.config = {
        "baseUrl": service.url,
        "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
    }
    return pod


@pytest.fixture(scope="session")
def postgres():
    tools = postgresql.binaries()
    if tools is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # Not below pytest's own folder: each run of pytest closes that to other users.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        base = Path(folder) / "server"
        base.mkdir()
        with postgresql.running(base, tools) as server:
            yield server


@pytest.fixture
def warehouse(rest, postgres) -> Pod:
    """A pod of `rest` with a dataset of its own in PostgreSQL."""
    rest.destination = {
        "type": "postgres",
        "secretName": "warehouse",
        "dataset": f"team_a_{secrets.token_hex(4)}",
    }
    rest.warehouse(
        host="127.0.0.1",
        port=str(postgres.port),
        dbname="postgres",
        username="postgres",
        password=postgres.password + "\n",
        sslmode="disable",
    )
    return rest
