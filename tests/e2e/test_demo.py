"""What `make demo` shows, held to its word."""

from __future__ import annotations

import threading
import time

import pytest
from dev.demo.run import EXPECTED, GROUP, NAMESPACE, Demo, ready
from tests.e2e import cluster

pytestmark = pytest.mark.node


def test_three_are_fetched_and_one_is_told_what_is_wrong_with_its_token(fetched: Demo) -> None:
    found = {
        body["metadata"]["name"]: ready(body)
        for body in fetched.place.get("integrations", NAMESPACE)
    }
    assert {name: found[name]["reason"] for name in EXPECTED} == EXPECTED
    message = found["orders-wrong-token"]["message"]
    assert "shop does not accept the credentials (status 401)" in message
    assert 'Secret "shop-wrong-token"' in message
    assert "kubectl annotate integration orders-wrong-token" in message
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
    with cluster.batch(place) as jobs:
        before = {job.metadata.name for job in jobs.list_namespaced_job(NAMESPACE).items}
        number = cluster.status(place, name)["run"]["number"] + 1
        appeared: list[float] = []
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                names = {job.metadata.name for job in jobs.list_namespaced_job(NAMESPACE).items}
                if names - before:
                    appeared.append(time.monotonic())
                    return

        watcher = threading.Thread(target=look)
        watcher.start()
        asked = time.monotonic()
        place.kubectl(
            *("annotate", "integration", name, "-n", NAMESPACE, "--overwrite"),
            f"{GROUP}/requestedAt={time.time_ns()}",
        )
        watcher.join(10)
        done.set()
    assert appeared, "no Job in ten seconds"
    assert appeared[0] - asked < 1.0
    run = cluster.wait_run(place, name, number)
    assert run["trigger"] == "Requested"
    ids = place.query("SELECT id FROM shop.orders ORDER BY id")
    assert [int(row[0]) for row in ids] == list(range(1, new + 1))


def test_a_mended_secret_is_noticed_at_the_next_request(fetched: Demo) -> None:
    place, name = fetched.place, "orders-wrong-token"
    patch = '{"stringData":{"token":"open-sesame"}}'
    place.kubectl("patch", "secret", "shop-wrong-token", "-n", NAMESPACE, "-p", patch)
    run = cluster.wait_run(place, name, cluster.force(place, name))
    assert run["outcome"] == "Succeeded"
    assert ready(cluster.integration(place, name))["status"] == "True"
