"""Whatever a user gets wrong is said in the object, soon, and stops nobody else."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from dev.demo.run import GROUP, NAMESPACE, Demo, ready
from dev.errors import RefusalError
from tests.cli.support import Spark
from tests.e2e import cluster
from tests.e2e.cluster import orders, wanted

# What is waited for ends by itself, and says what it waited for: this is only the last resort.
pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

_EMPTY: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "no-keys"},
    "stringData": {"other": "x"},
}
# Known from the objects alone, so said within seconds of being applied.
_AT_ONCE = {
    "unknown-service": (
        wanted("unknown-service", service="nosuch"),
        "UnknownService",
        'There is no Plugin "nosuch"',
    ),
    "config-refused": (
        wanted("config-refused", config={**orders(), "baseUrl": 7}),
        "InvalidConfig",
        "spec.config.baseUrl",
    ),
    "no-claim": (
        wanted("no-claim", destination={"type": "duckdb", "claimName": "nowhere"}),
        "InvalidConfig",
        'PersistentVolumeClaim "nowhere"',
    ),
}
# Known when the pod tries; the fetch itself takes seconds.
_AT_THE_FETCH = {
    "no-secret": (
        wanted("no-secret", credentialsSecretName="missing"),
        "InvalidCredentials",
        'Secret "missing"',
    ),
    "no-key": (
        wanted("no-key", credentialsSecretName="no-keys"),
        "InvalidCredentials",
        '"token"',
    ),
    "no-warehouse": (
        wanted("no-warehouse", destination={"type": "postgres", "secretName": "missing"}),
        "InvalidCredentials",
        'Secret "missing"',
    ),
    "no-host": (
        wanted("no-host", config=orders("http://nowhere.invalid/api")),
        "BackingOff",
        "nowhere.invalid",
    ),
    "api-server": (
        wanted("api-server", config=orders("https://kubernetes.default.svc", "api")),
        "InvalidConfig",
        "is an address of the cluster's API server",
    ),
    "metadata": (
        wanted("metadata", config=orders("http://169.254.169.254", "latest")),
        "InvalidConfig",
        "is a link-local address",
    ),
    "localhost": (
        wanted("localhost", config=orders("http://localhost:10248", "healthz")),
        "InvalidConfig",
        "is a loopback address",
    ),
    "a-node": (
        wanted("a-node", config=orders("https://10.200.0.2:10250", "pods")),
        "InvalidConfig",
        'adds "10.200.0.2" to spec.egressHosts of Plugin "rest"',
    ),
    "no-json": (
        wanted("no-json", config=orders(cluster.SHOP, "maintenance")),
        "InvalidConfig",
        "JSON",
    ),
}
_ALL = {**_AT_ONCE, **_AT_THE_FETCH}


@pytest.fixture(scope="module")
def applied(demo: Demo) -> Demo:
    """All of them at once, and a healthy one among them."""
    bodies = [body for body, _, _ in _ALL.values()]
    cluster.apply(demo.place, _EMPTY, *bodies, wanted("healthy"))
    return demo


@pytest.mark.parametrize("name", _AT_ONCE)
def test_what_the_objects_tell_is_said_within_five_seconds(applied: Demo, name: str) -> None:
    _, reason, says = _ALL[name]
    condition = cluster.wait_ready(applied.place, name, reason, seconds=5)
    assert condition["status"] == "False"
    assert says in condition["message"]


@pytest.mark.parametrize("name", _AT_THE_FETCH)
def test_what_the_fetch_finds_is_said_within_two_seconds_of_the_end_of_its_job(
    applied: Demo, name: str
) -> None:
    _, reason, says = _ALL[name]
    condition = cluster.wait_ready(applied.place, name, reason)
    assert condition["status"] == "False"
    assert says in condition["message"]
    said = datetime.fromisoformat(condition["lastTransitionTime"])
    # From the pod's end to the Job's it is Kubernetes that takes its time: ten end at once here.
    assert said - min(cluster.jobs_failed_at(applied.place, name)) <= timedelta(seconds=2)
    assert said - min(cluster.pods_ended_at(applied.place, name)) <= timedelta(seconds=10)


@pytest.mark.parametrize("name", _ALL)
def test_each_has_a_warning_event_of_the_same_reason(applied: Demo, name: str) -> None:
    _, reason, _ = _ALL[name]
    cluster.wait_ready(applied.place, name, reason)
    events = applied.place.get(
        "events", NAMESPACE, f"--field-selector=involvedObject.name={name},type=Warning"
    )
    assert reason in {event["reason"] for event in events}


@pytest.mark.parametrize("name", ["unknown-service", "no-secret", "no-host"])
def test_a_newcomer_finds_the_cause_with_two_looks(applied: Demo, name: str) -> None:
    """`kubectl get integrations` has the kind of trouble, `kubectl spark status` what and where it is."""
    _, reason, says = _ALL[name]
    cluster.wait_ready(applied.place, name, reason)
    table = applied.place.kubectl("get", "integrations", "-n", NAMESPACE)
    line = next(line.split() for line in table.splitlines() if line.startswith(f"{name} "))
    assert "False" in line
    assert reason in line
    told = Spark(applied.place.environment["KUBECONFIG"], NAMESPACE)("status", name)
    assert told.code == 0
    why = next(line for line in told.out.splitlines() if line.startswith("Why:"))
    assert says in why


def test_the_others_go_on(applied: Demo) -> None:
    cluster.wait_ready(applied.place, "healthy", "Fetched")


def test_an_unknown_destination_is_refused_when_it_is_applied(demo: Demo) -> None:
    with pytest.raises(RefusalError, match="Unsupported value"):
        cluster.apply(demo.place, wanted("odd", destination={"type": "kafka"}))


@pytest.mark.parametrize("value", ["", "x" * 200, "a\nb"], ids=["empty", "long", "two lines"])
def test_a_malformed_annotation_is_named_and_starts_nothing(applied: Demo, value: str) -> None:
    place = applied.place
    cluster.wait_ready(place, "healthy", "Fetched")
    number = cluster.status(place, "healthy")["run"]["number"]
    place.kubectl(
        *("annotate", "integration", "healthy", "-n", NAMESPACE, "--overwrite"),
        f"{GROUP}/requestedAt={value}",
    )

    def named() -> bool:
        return "is ignored" in ready(cluster.integration(place, "healthy"))["message"]

    cluster.until(named, 5, "the annotation to be named")
    selector = "--field-selector=involvedObject.name=healthy,type=Warning,reason=InvalidRequest"
    cluster.until(lambda: place.get("events", NAMESPACE, selector), 5, "a Warning")
    assert cluster.status(place, "healthy")["run"]["number"] == number
    cluster.fetch(place, "healthy")
    assert "is ignored" not in json.dumps(cluster.status(place, "healthy"))


def test_no_secret_is_in_any_object_or_log(applied: Demo, fetched: Demo) -> None:
    for name in _AT_THE_FETCH:
        cluster.wait_ready(applied.place, name, _ALL[name][1])
    place = applied.place
    told = place.kubectl("get", "integrations,jobs,pods,events", "-A", "-o", "yaml")
    logs = cluster.logs(place)
    assert "[pod/healthy-" in logs
    assert "[pod/spark-integrations-" in logs
    password = fetched.place.warehouse(NAMESPACE)["stringData"]["password"]
    for secret in ("open-sesame", "let-me-in", password):
        assert secret not in told + logs
