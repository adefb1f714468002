"""What is deleted by hand, in any order, and what is removed for good. Runs last: it removes all."""

from __future__ import annotations

import json
import time

import pytest
from dev.demo.run import NAMESPACE, RELEASE, SYSTEM, Demo
from dev.waiting import until
from tests.e2e import cluster

pytestmark = pytest.mark.node

_OPERATOR = "app.kubernetes.io/component=operator"


def _leader(demo: Demo) -> str:
    lease = json.loads(demo.place.kubectl("get", "lease", "-n", SYSTEM, "-o", "json"))["items"][0]
    holder: str = lease["spec"].get("holderIdentity", "")
    return holder.split("_")[0]


def _fetch(demo: Demo, name: str = "orders-to-postgres") -> None:
    run = cluster.wait_run(demo.place, name, cluster.force(demo.place, name))
    assert run["outcome"] == "Succeeded", run


def test_the_leaders_pod_deleted_the_other_goes_on(fetched: Demo) -> None:
    before = _leader(fetched)
    fetched.place.kubectl("delete", "pod", before, "-n", SYSTEM, "--wait=false")
    until(lambda: _leader(fetched) not in ("", before), 20, "another leader", every=0.1)
    _fetch(fetched)


def test_the_lease_deleted_by_hand_is_made_again(fetched: Demo) -> None:
    fetched.place.kubectl("delete", "lease", "--all", "-n", SYSTEM)
    until(
        lambda: fetched.place.get("leases", SYSTEM) and _leader(fetched), 20, "a Lease", every=0.1
    )
    _fetch(fetched)


def test_a_job_deleted_in_flight_is_a_lost_run_and_the_next_fetch_works(fetched: Demo) -> None:
    place, name = fetched.place, "orders-to-duckdb"
    number = cluster.force(place, name)
    until(
        lambda: cluster.status(place, name)["run"]["number"] == number, 5, "the claim", every=0.05
    )
    job = cluster.status(place, name)["run"]["jobName"]
    until(
        lambda: place.kubectl("get", "job", job, "-n", NAMESPACE, "--ignore-not-found"), 5, "a Job"
    )
    place.kubectl("delete", "job", job, "-n", NAMESPACE)
    run = cluster.wait_run(place, name, number)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "lost")
    _fetch(fetched, name)


def test_the_scheduler_deleted_by_hand_stops_dispatching_until_it_is_made_again(
    fetched: Demo,
) -> None:
    place, name = fetched.place, "news-to-duckdb"
    scheduler = place.get("schedulers", SYSTEM)[0]
    began = time.monotonic()
    place.kubectl("delete", "scheduler", "--all", "-n", SYSTEM)
    assert time.monotonic() - began < 5
    number = cluster.force(place, name)
    again = {
        **{key: scheduler[key] for key in ("apiVersion", "kind", "spec")},
        "metadata": {"name": scheduler["metadata"]["name"]},
    }
    cluster.apply(place, again, namespace=SYSTEM)
    cluster.wait_run(place, name, number)


def test_a_plugin_deleted_by_hand_is_missed_and_comes_back_with_the_chart(fetched: Demo) -> None:
    place = fetched.place
    place.kubectl("delete", "plugin", "rss")
    cluster.wait_ready(place, "news-to-duckdb", "UnknownService", seconds=5)
    fetched.install()
    cluster.wait_ready(place, "news-to-duckdb", "Fetched", seconds=20)


def test_an_integration_is_deleted_at_once_with_no_operator_running_and_its_jobs_go(
    fetched: Demo,
) -> None:
    place = fetched.place
    place.kubectl("scale", "deployment", "--all", "--replicas=0", "-n", SYSTEM)
    until(lambda: not place.get("pods", SYSTEM, f"--selector={_OPERATOR}"), 30, "no operator")
    uid = cluster.integration(place, "orders-to-postgres")["metadata"]["uid"]
    selector = f"--selector=spark-integrations.dev/integration-uid={uid}"
    assert place.get("jobs", NAMESPACE, selector)
    began = time.monotonic()
    place.kubectl("delete", "integration", "orders-to-postgres", "-n", NAMESPACE, "--timeout=10s")
    assert time.monotonic() - began < 3
    until(lambda: not place.get("jobs", NAMESPACE, selector), 20, "its Jobs to go", every=0.1)


def test_uninstall_and_namespace_deletion_end_with_no_operator_running(fetched: Demo) -> None:
    place = fetched.place
    began = time.monotonic()
    place.run("helm", "uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "30s")
    place.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
    place.kubectl("delete", "namespace", SYSTEM, "--timeout=60s")
    assert time.monotonic() - began < 60
    assert "integrations.spark-integrations.dev" in place.kubectl("get", "crd", "-o", "name")
