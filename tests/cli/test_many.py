"""Of many Integrations: what is read again, and what is shown where there is too little room."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

from tests.cli.server import EMPTY, Answer, Asked, Server
from tests.cli.support import Spark
from tests.cli.test_reaching import kubeconfig

from spark_cli.gather.cluster import Cluster
from spark_cli.gather.jobs import jobs_by_owner
from spark_cli.gather.parsed import Parsed


def integration(name: str, version: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "resourceVersion": str(version),
        },
        "spec": {"service": "demo"},
        "status": status,
    }


def test_what_has_not_changed_is_not_read_again() -> None:
    parsed = Parsed()
    parsed.update({name: integration(name) for name in "ab"})
    before = parsed.get("a"), parsed.get("b")
    parsed.update({"a": integration("a"), "b": integration("b", 2), "c": integration("c")})
    assert parsed.get("a") is before[0]
    assert parsed.get("b") is not before[1]
    assert [i.name for i in parsed.all()] == ["a", "b", "c"]
    parsed.update({})
    assert parsed.all() == []


def test_of_few_their_own_jobs_are_listed(tmp_path: Path) -> None:
    with Server() as server:
        cluster = Cluster.connect(str(kubeconfig(tmp_path, server.url)), None)
        jobs_by_owner(cluster, "default", ["u-1", "u-2"])
        jobs_by_owner(cluster, "default", [str(n) for n in range(200)])
        assert jobs_by_owner(cluster, "default", []) == {}
        few, many = (asked.target for asked in server.asked)
    assert "u-1%2Cu-2" in few
    assert "integration-uid" not in many


def test_those_that_fail_are_seen_where_there_is_too_little_room(tmp_path: Path) -> None:
    run = {"number": 1, "outcome": "Failed"}
    many = [integration(f"a-{n:03}") for n in range(100)]
    items = [*many, integration("z-broken", run=run, lastFailedAt="2026-01-01T00:00:00Z")]

    def answer(asked: Asked) -> Answer:
        if "/integrations" not in asked.target:
            return EMPTY
        if "watch=true" in asked.target:
            return Answer(lines=[])
        return Answer(body={"metadata": {"resourceVersion": "1"}, "items": items})

    with Server(answer) as server:
        main, side = pty.openpty()
        path = kubeconfig(tmp_path, server.url)
        environment = {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "120"}
        command = Spark(path).command("list", "--watch")
        with subprocess.Popen(
            command,
            env={**environment, "KUBECONFIG": str(path)},
            stdin=side,
            stdout=side,
            stderr=side,
        ) as process:
            os.close(side)
            seen = b""
            while b"no room" not in seen and len(seen) < 100_000:
                seen += os.read(main, 65536)
            process.terminate()
        os.close(main)
    assert b"z-broken" in seen
    assert b"a-000" in seen
    assert b"a-050" not in seen
