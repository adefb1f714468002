"""A real Prometheus on loopback, which scrapes and judges each second."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml
from dev.prometheus import Prometheus
from tests.support.process import free_port
from tests.support.waiting import until


class Server:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def _ask(self, path: str, **parameters: str) -> Any:
        answer = self._session.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=30)
        assert answer.ok, (path, parameters, answer.text)
        return answer.json()["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values; what is no number is no value."""
        found = self._ask("query", query=expression)["result"]
        values = [(dict(one["metric"]), float(one["value"][1])) for one in found]
        return [(labels, value) for labels, value in values if not math.isnan(value)]

    def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire: each with the job of whom it is about."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("job", ""))
            for alert in self._ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def ready(self) -> bool:
        try:
            return self._session.get(f"{self._url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False


def impatient(rules: Path, wait: str) -> str:
    """The same rules, but each fires after that time: what they ask for stays as it is."""
    document = yaml.safe_load(rules.read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["for"] = wait
    return yaml.safe_dump(document)


@contextmanager
def running(
    base: Path, program: Prometheus, ports: Mapping[str, int], rules: str
) -> Iterator[Server]:
    """``ports`` has one target a job, with labels as a ServiceMonitor gives them."""
    (base / "rules.yaml").write_text(rules)
    scrapes = [
        {
            "job_name": job,
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "ops"}}],
        }
        for job, port in ports.items()
    ]
    each = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration = {"global": each, "rule_files": ["rules.yaml"], "scrape_configs": scrapes}
    (base / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    log = base / "prometheus.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                program.program,
                f"--config.file={base / 'prometheus.yaml'}",
                f"--storage.tsdb.path={base / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            cwd=base,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}")

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            return server.ready()

        until(answers, 60, lambda: log.read_text()[-2000:])
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait(5)
