"""What `make demo` shows, held to its word."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
from dev.demo import place as places
from dev.demo import run as demonstration
from dev.demo.run import EXPECTED, GROUP, NAMESPACE, Demo, ready
from dev.toolchain import Toolchain
from kubernetes import client
from tests.e2e import cluster

# What is waited for ends by itself, and says what it waited for: this is only the last resort.
pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]


def test_three_are_fetched_and_one_is_told_what_is_wrong_with_its_token(fetched: Demo) -> None:
    found = {
        body["metadata"]["name"]: ready(body)
        for body in fetched.place.get("integrations", NAMESPACE)
    }
    assert {name: found[name]["reason"] for name in EXPECTED} == EXPECTED
    message = found["orders-wrong-token"]["message"]
    assert "shop.spark-demo.svc does not accept the credentials (status 401)" in message
    assert 'Secret "shop-wrong-token"' in message
    command = message[message.index("kubectl annotate integration orders-wrong-token") :]
    assert command.endswith("--overwrite"), "it can be copied as it stands"
    assert "let-me-in" not in message


def test_the_rows_are_there_once_each(fetched: Demo) -> None:
    rows = {row["table"]: row["rows"] for row in fetched.rows()}
    assert rows["PostgreSQL warehouse: shop.orders"] == 50
    assert rows["orders-to-duckdb/shop.duckdb: orders"] == 50
    assert rows["news-to-duckdb/news.duckdb: entries"] == 10


def test_kubectl_get_shows_the_state_in_one_line(fetched: Demo) -> None:
    lines = fetched.place.kubectl("get", "integrations", "-n", NAMESPACE).splitlines()
    assert lines[0].split() == [
        "NAME",
        "SERVICE",
        "EVERY",
        "READY",
        "STATE",
        "LAST",
        "SUCCESS",
        "NEXT",
        "AGE",
    ]
    line = next(line for line in lines if line.startswith("orders-to-postgres"))
    assert line.split()[1:5] == ["rest", "15", "True", "Fetched"]


def test_a_request_starts_a_job_within_a_second_and_brings_the_new_row_only(
    fetched: Demo,
) -> None:
    place, name = fetched.place, "orders-to-postgres"
    new = cluster.order(place)
    of = cluster.of_integration(place, name)
    with cluster.independent(place) as api:
        jobs, objects = client.BatchV1Api(api), client.CustomObjectsApi(api)
        # The first call of a client connects; the one that is measured does not.
        objects.get_namespaced_custom_object(**cluster.address(name))

        def names() -> set[str]:
            found = jobs.list_namespaced_job(NAMESPACE, label_selector=of).items
            return {job.metadata.name for job in found}

        before = names()
        number = cluster.status(place, name)["run"]["number"] + 1
        appeared: list[float] = []
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                if names() - before:
                    appeared.append(time.monotonic())
                    return

        watcher = threading.Thread(target=look)
        watcher.start()
        asked = time.monotonic()
        annotations = {f"{GROUP}/requestedAt": str(time.time_ns())}
        objects.patch_namespaced_custom_object(
            **cluster.address(name), body={"metadata": {"annotations": annotations}}
        )
        watcher.join(10)
        done.set()
    assert appeared, "no Job in ten seconds"
    assert appeared[0] - asked < 1.0
    run = cluster.wait_run(place, name, number)
    assert run["trigger"] == "Requested"
    ids = place.query("SELECT id FROM shop.orders ORDER BY id")
    assert [int(row[0]) for row in ids] == list(range(1, new + 1))


def test_what_it_says_to_try_next_works_as_it_stands(fetched: Demo) -> None:
    place, name = fetched.place, "orders-to-postgres"
    number = cluster.status(place, name)["run"]["number"] + 1
    lines = fetched.advice().splitlines()
    endless = re.compile(r"--watch|make cluster-down")
    script = "\n".join(line for line in lines[2:] if not endless.search(line))
    assert len(lines) - script.count("\n") - 1 == 4
    assert place.local is not None
    result = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "SPARK_CLUSTER": place.local.name,
            "PATH": f"{Toolchain().path('kubectl').parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert '"logger": "spark_operator.' in result.stdout
    assert cluster.wait_run(place, name, number)["outcome"] == "Succeeded"


def test_on_a_users_own_cluster_it_takes_the_users_images_and_skips_the_local_postgres(
    fetched: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = fetched.place
    monkeypatch.setenv("KUBECONFIG", place.environment["KUBECONFIG"])
    monkeypatch.setenv("OPERATOR_IMAGE", place.operator_image)
    monkeypatch.setenv("RUNNER_IMAGE", place.runner_image)
    assert demonstration.run(on_current=True) == 0
    said = capsys.readouterr().out
    assert "no PostgreSQL here" in said
    assert "orders-to-duckdb/shop.duckdb: orders:" in said
    assert "make cluster-down" not in said


def test_a_failing_demonstration_says_who_failed_and_why_and_shows_the_logs(
    fetched: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "local", lambda _: fetched.place)
    monkeypatch.setattr(demonstration, "EXPECTED", {"orders-wrong-token": "Fetched"})
    assert demonstration.run(on_current=False) == 1
    said = capsys.readouterr().out
    last = said[said.rindex("The demonstration failed") :]
    assert "orders-wrong-token: InvalidCredentials, not Fetched: " in last
    assert "shop.spark-demo.svc does not accept" in last
    assert '"logger": "spark_operator.' in said
    assert "InvalidCredentials" in said[said.index("--- warnings in spark-demo") :]


def test_a_mended_secret_is_noticed_at_the_next_request(fetched: Demo) -> None:
    place, name = fetched.place, "orders-wrong-token"
    patch = '{"stringData":{"token":"open-sesame"}}'
    place.kubectl("patch", "secret", "shop-wrong-token", "-n", NAMESPACE, "-p", patch)
    run = cluster.wait_run(place, name, cluster.force(place, name))
    assert run["outcome"] == "Succeeded"
    assert ready(cluster.integration(place, name))["status"] == "True"
