"""What is deleted by hand, in any order, and what is removed for good. Runs last: it removes all."""

from __future__ import annotations

import time

import pytest
from dev.demo import place as places
from dev.demo import run as demonstration
from dev.demo.run import EXPECTED, NAMESPACE, RELEASE, SYSTEM, Demo, ready
from dev.waiting import until
from kubernetes import client
from kubernetes.client import ApiException
from tests.e2e import cluster

# What is waited for ends by itself, and says what it waited for: this is only the last resort.
pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]


def test_the_leaders_pod_deleted_the_other_goes_on(fetched: Demo) -> None:
    place = fetched.place
    before = cluster.leader(place)
    assert len(cluster.operators(place)) == 2
    place.kubectl("delete", "pod", before, "-n", SYSTEM, "--wait=false")
    until(lambda: cluster.leader(place) not in ("", before), 5, "another leader", every=0.1)
    cluster.fetch(place)


def test_the_leader_killed_without_a_word_the_other_goes_on(fetched: Demo) -> None:
    place = fetched.place
    before = cluster.leader(place)
    uid = next(
        pod["metadata"]["uid"]
        for pod in cluster.operators(place)
        if pod["metadata"]["name"] == before
    )
    # kubelet starts the container again, in the same pod but with another identity.
    holder = place.get("leases", SYSTEM)[0]["spec"]["holderIdentity"]
    kill = (
        'for process in /proc/[0-9]*; do if grep -qs "pod$0" "$process/cgroup" && '
        'grep -qs spark-operator "$process/cmdline"; then kill -9 "${process##*/}"; fi; done'
    )
    assert place.local is not None
    place.local.exec(["sh", "-c", kill, uid], everything=True)

    def another() -> bool:
        now = place.get("leases", SYSTEM)[0]["spec"].get("holderIdentity", "")
        return now not in ("", holder)

    until(another, 20, "another leader", every=0.1)
    cluster.fetch(place)


def test_all_of_the_operators_pods_deleted_at_once_come_back_and_go_on(fetched: Demo) -> None:
    place = fetched.place
    before = {pod["metadata"]["uid"] for pod in cluster.operators(place)}
    place.kubectl("delete", "pods", "--all", "-n", SYSTEM, "--wait=false")
    cluster.fetch(place)
    place.kubectl("rollout", "status", "deployment", "-n", SYSTEM, "--timeout=60s")
    assert not before & {
        pod["metadata"]["uid"]
        for pod in cluster.operators(place)
        if "deletionTimestamp" not in pod["metadata"]
    }


def test_the_lease_deleted_by_hand_is_made_again(fetched: Demo) -> None:
    fetched.place.kubectl("delete", "lease", "--all", "-n", SYSTEM)
    until(lambda: cluster.leader(fetched.place), 20, "a Lease", every=0.1)
    cluster.fetch(fetched.place)


_LOST = "orders-to-duckdb"


def test_a_job_deleted_in_flight_is_a_lost_run(fetched: Demo) -> None:
    place, name = fetched.place, _LOST
    number = cluster.force(place, name)
    job = cluster.wait_claimed(place, name, number)
    until(
        lambda: place.kubectl("get", "job", job, "-n", NAMESPACE, "--ignore-not-found"), 5, "a Job"
    )
    place.kubectl("delete", "job", job, "-n", NAMESPACE)
    run = cluster.wait_run(place, name, number)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "lost")
    # What is asked for now waits until the pod must be gone: the next test passes that time.
    cluster.force(place, name)


def test_a_pod_deleted_in_flight_ends_in_a_true_outcome_and_the_next_fetch_works(
    fetched: Demo,
) -> None:
    """Kubernetes lets the pod end in its own time, so it may yet succeed: then its row is there."""
    place, name = fetched.place, "orders-to-postgres"

    def rows(number: int) -> int:
        return int(place.query(f"SELECT count(*) FROM shop.orders WHERE id = {number}")[0][0])

    new = cluster.order(place)
    number = cluster.force(place, name)
    job = cluster.wait_claimed(place, name, number)
    selector = f"--selector=batch.kubernetes.io/job-name={job}"
    until(lambda: place.get("pods", NAMESPACE, selector), 5, "a pod", every=0.05)
    place.kubectl("delete", "pods", "-n", NAMESPACE, selector, "--wait=false")
    run = cluster.wait_run(place, name, number)
    assert rows(new) == (run["outcome"] == "Succeeded")
    if run["outcome"] == "Failed":
        assert run["message"]
        assert ready(cluster.integration(place, name))["reason"] == "BackingOff"
    cluster.fetch(place, name)
    assert rows(new) == 1


def test_what_was_asked_for_when_a_run_was_lost_is_fetched(fetched: Demo) -> None:
    cluster.wait_ready(fetched.place, _LOST, "Fetched", seconds=60)


def test_the_jobs_of_ended_runs_deleted_by_hand_are_not_run_again(fetched: Demo) -> None:
    place = fetched.place
    # Just fetched, none is due by its schedule while this looks.
    for name in EXPECTED:
        cluster.wait_run(place, name, cluster.force(place, name))
    before = {name: cluster.status(place, name)["run"] for name in EXPECTED}
    place.kubectl("delete", "jobs", "--all", "-n", NAMESPACE)
    cluster.fetch(place)
    for name in EXPECTED.keys() - {"orders-to-postgres"}:
        assert cluster.status(place, name)["run"] == before[name]


def test_a_secret_deleted_by_hand_is_named_and_works_when_it_is_back(fetched: Demo) -> None:
    place, name = fetched.place, "orders-to-postgres"
    place.kubectl("delete", "secret", "shop-token", "-n", NAMESPACE)
    run = cluster.wait_run(place, name, cluster.force(place, name))
    assert (run["outcome"], run["errorClass"]) == ("Failed", "permanent")
    condition = cluster.wait_ready(place, name, "InvalidCredentials", seconds=5)
    assert 'Secret "shop-token"' in condition["message"]
    fetched.source()
    cluster.fetch(place, name)


def test_a_claim_deleted_by_hand_is_named_and_its_rows_are_there_when_it_is_back(
    fetched: Demo,
) -> None:
    place, name = fetched.place, "orders-to-duckdb"
    new = cluster.order(place)
    # Pods hold a claim: with those of ended fetches it goes once nobody uses it.
    place.kubectl("delete", "pvc", "spark-data", "-n", NAMESPACE, "--timeout=30s")
    cluster.force(place, name)
    condition = cluster.wait_ready(place, name, "InvalidConfig", seconds=5)
    assert 'PersistentVolumeClaim "spark-data"' in condition["message"]
    fetched.destinations()
    cluster.fetch(place, name)
    # The shop counts its orders: those of before and the new one are there, each once.
    rows = {row["table"]: row["rows"] for row in fetched.rows()}
    assert rows["orders-to-duckdb/shop.duckdb: orders"] == new


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


def test_the_namespace_deleted_by_hand_the_demonstration_runs_again(
    fetched: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = fetched.place
    place.kubectl("delete", "namespace", NAMESPACE, "--timeout=150s")
    monkeypatch.setattr(places, "local", lambda _: place)
    assert demonstration.run(on_current=False) == 0, capsys.readouterr().out


@pytest.mark.parametrize("running", [True, False], ids=["an operator", "no operator"])
def test_an_integration_is_deleted_at_once_and_its_jobs_go_with(
    fetched: Demo, running: bool
) -> None:
    place, name = fetched.place, "orders-to-postgres" if running else "news-to-duckdb"
    selector = f"--selector={cluster.of_integration(place, name)}"
    assert place.get("jobs", NAMESPACE, selector)
    if not running:
        cluster.stop_operator(place)
    with cluster.independent(place) as api:
        objects = client.CustomObjectsApi(api)
        objects.get_namespaced_custom_object(**cluster.address(name))
        objects.delete_namespaced_custom_object(**cluster.address(name))
        # No finalizer of ours: it is gone when the API server has answered.
        with pytest.raises(ApiException, match="Not Found"):
            objects.get_namespaced_custom_object(**cluster.address(name))
    until(lambda: not place.get("jobs", NAMESPACE, selector), 20, "its Jobs to go", every=0.1)


def test_uninstall_and_namespace_deletion_end_with_no_operator_running(fetched: Demo) -> None:
    place = fetched.place
    cluster.stop_operator(place)
    assert place.get("schedulers", SYSTEM)
    assert place.get("integrations", NAMESPACE)
    began = time.monotonic()
    place.run("helm", "uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "30s")
    place.kubectl("delete", "namespace", NAMESPACE, SYSTEM, "--timeout=60s")
    assert time.monotonic() - began < 60
    assert "integrations.spark-integrations.dev" in place.kubectl("get", "crd", "-o", "name")
