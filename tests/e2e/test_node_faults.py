"""What a node does to a fetch: each is a failure with a class and a sentence, and the retry works.

All happen at once, on the real kubelet, to fetches from a service that answers from the second time on
(trouble.py). What is asserted is what the API server told of the first run when it was recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from dev.demo.place import Place
from dev.demo.run import GROUP, NAMESPACE, SYSTEM, Demo, ready
from dev.waiting import until
from kubernetes import client, config, watch
from tests.e2e import cluster, service
from tests.e2e.cluster import orders, wanted

# What is waited for ends by itself, and says what it waited for: this is only the last resort.
pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

RETRY_SECONDS = 2
# name → (what the service does first, timeoutSeconds)
FETCHES = {
    "unpulled": ("plain", 30),
    "homeless": ("plain", 30),
    "hungry": ("swells", 300),
    "slow": ("drips", 40),
    "frozen": ("drips", 40),
    "greedy": ("drips", 300),
    "drained": ("drips", 300),
}
# name → (error class, what the message says)
FAILURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unpulled": (
        "imagePullFailed",
        ("The image cannot be pulled", "localhost/nowhere:1", "did not start before the deadline"),
    ),
    "homeless": (
        "unschedulable",
        ("No node takes the pod", "node affinity", "did not start before the deadline"),
    ),
    "hungry": ("oomKilled", ("more memory than its limit (OOMKilled)", "podTemplate.resources")),
    # The runner stops before Kubernetes does, so that it can say where it was.
    "slow": ("timeout", ("The time for this fetch ended after", "(see spec.timeoutSeconds) while")),
    "frozen": ("timeout", ("stopped at its deadline (spec.timeoutSeconds)",)),
    "greedy": ("evicted", ("The node evicted the pod", 'EmptyDir volume "tmp" exceeds')),
}


class Records:
    """Each run as it was recorded first, with the Ready condition that came with it."""

    def __init__(self, place: Place) -> None:
        self._api = config.new_client_from_config(place.environment["KUBECONFIG"])
        self._watch = watch.Watch()
        self._over = threading.Event()
        self.runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.said: dict[str, set[str]] = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        objects = client.CustomObjectsApi(self._api)
        while not self._over.is_set():
            try:
                for event in self._watch.stream(
                    objects.list_namespaced_custom_object,
                    *(GROUP, "v1", NAMESPACE, "integrations"),
                    timeout_seconds=60,
                ):
                    self._take(event["raw_object"])
            except Exception:  # noqa: BLE001
                # Cut, or the cluster is gone. The next watch begins with a list of what is there.
                self._over.wait(0.2)

    def _take(self, body: dict[str, Any]) -> None:
        name, status = body["metadata"]["name"], body.get("status", {})
        self.said.setdefault(name, set()).add(ready(body).get("message", ""))
        run = status.get("run", {})
        if run.get("outcome", "Running") != "Running":
            self.runs.setdefault((name, run["number"]), status)

    def wait(self, name: str, number: int, seconds: float) -> dict[str, Any]:
        """The status with which that run was recorded."""
        until(lambda: (name, number) in self.runs, seconds, f"the end of run {number} of {name}")
        return self.runs[name, number]

    def stop(self) -> None:
        self._over.set()
        self._watch.stop()


@contextmanager
def changed(place: Place, kind: str, name: str, before: str, after: str) -> Iterator[None]:
    """What is read when a Job is made, changed for that moment only."""
    place.kubectl("patch", kind, name, "-n", SYSTEM, "--type=merge", "-p", before)
    try:
        yield
    finally:
        place.kubectl("patch", kind, name, "-n", SYSTEM, "--type=merge", "-p", after)


def begin(place: Place, name: str) -> None:
    """The first run, as far as its Job."""
    kind, timeout = FETCHES[name]
    body = wanted(
        name,
        config=orders(f"http://trouble.{NAMESPACE}.svc/{kind}-{name}"),
        timeoutSeconds=timeout,
        retryDelaysSeconds=[RETRY_SECONDS, 3600],
        updateFrequencyMinutes=60,
    )
    cluster.apply(place, body)
    until(lambda: cluster.jobs_of(place, name), 20, f"the Job of {name}", every=0.1)


def asking(place: Place, name: str) -> dict[str, Any]:
    """The pod of a fetch that waits for its answer."""

    def asked() -> bool:
        return f"-{name}/orders" in place.kubectl("logs", "trouble", "-n", NAMESPACE)

    until(asked, 60, f"the request of {name}", every=0.2)
    (pod,) = cluster.pods_of(place, name)
    return pod


def fill_the_disk(place: Place, pod: str) -> None:
    fill = (
        "import os; f = os.open('/tmp/full', os.O_CREAT | os.O_WRONLY);"
        "os.posix_fallocate(f, 0, 1100 << 20)"
    )
    place.kubectl("exec", pod, "-n", NAMESPACE, "--", "python3", "-c", fill)


def freeze(place: Place, uid: str) -> None:
    assert place.local is not None
    stop = (
        'for process in /proc/[0-9]*; do if grep -qs "pod$0" "$process/cgroup" && '
        'grep -qs spark-fetch "$process/cmdline"; then kill -STOP "${process##*/}"; fi; done'
    )
    place.local.exec(["sh", "-c", stop, uid], everything=True)


def evict(place: Place, pod: str) -> None:
    """As kubectl drain does it."""
    eviction: Any = {"metadata": {"name": pod}}
    with cluster.independent(place) as api:
        client.CoreV1Api(api).create_namespaced_pod_eviction(pod, NAMESPACE, eviction)


@pytest.fixture(scope="module")
def faults(demo: Demo) -> Iterator[Records]:
    """All of them go on at once."""
    place = demo.place
    service.up(place, "trouble")
    records = Records(place)
    try:
        provoke(place)
        yield records
    finally:
        records.stop()


def provoke(place: Place) -> None:
    # First, since its runner ends by itself ten seconds before the deadline, if it can.
    begin(place, "frozen")
    freeze(place, asking(place, "frozen")["metadata"]["uid"])

    scheduler = place.get("schedulers", SYSTEM)[0]["metadata"]["name"]
    pods = '{"spec": {"podTemplate": %s}}'
    nowhere = '{"spec": {"image": "localhost/nowhere:1"}}'
    homeless = '{"nodeSelector": {"disk": "none"}}'
    little = '{"resources": {"limits": {"memory": "200Mi"}}}'
    with changed(place, "plugin", "rest", nowhere, '{"spec": {"image": null}}'):
        begin(place, "unpulled")
    with changed(place, "scheduler", scheduler, pods % homeless, pods % "null"):
        begin(place, "homeless")
    with changed(place, "scheduler", scheduler, pods % little, pods % "null"):
        begin(place, "hungry")
    for name in ("greedy", "drained", "slow"):
        begin(place, name)
    fill_the_disk(place, asking(place, "greedy")["metadata"]["name"])
    evict(place, asking(place, "drained")["metadata"]["name"])


@pytest.mark.parametrize("name", FAILURES)
def test_what_a_node_does_to_a_fetch_has_a_class_a_sentence_and_a_retry_that_works(
    faults: Records, name: str
) -> None:
    error_class, says = FAILURES[name]
    status = faults.wait(name, 1, seconds=120)
    run = status["run"]
    assert (run["outcome"], run["errorClass"]) == ("Failed", error_class), run
    for words in says:
        assert words in run["message"]
    condition = ready({"status": status})
    assert (condition["status"], condition["reason"]) == ("False", "BackingOff")
    assert run["message"] in condition["message"]
    assert status["consecutiveFailures"] == 0
    ended_at = datetime.fromisoformat(run["finishedAt"])
    due = datetime.fromisoformat(status["nextUpdateAt"])
    assert due - ended_at == timedelta(seconds=RETRY_SECONDS)

    again = faults.wait(name, 2, seconds=60)["run"]
    assert (again["outcome"], again["trigger"], again["attempt"]) == ("Succeeded", "Retry", 2)
    assert again["rows"] == 1


@pytest.mark.parametrize("name", ["unpulled", "homeless"])
def test_a_pod_that_does_not_start_is_explained_long_before_its_deadline(
    faults: Records, name: str
) -> None:
    faults.wait(name, 1, seconds=120)
    said = [message for message in faults.said[name] if message.startswith("Run 1, attempt 1")]
    assert any(FAILURES[name][1][0] in message for message in said), said


def test_a_drained_fetch_is_begun_anew_by_kubernetes_and_nothing_failed(
    demo: Demo, faults: Records
) -> None:
    status = faults.wait("drained", 1, seconds=120)
    run = status["run"]
    assert (run["outcome"], run["attempt"], run["rows"]) == ("Succeeded", 1, 1)
    assert "lastFailedAt" not in status
    warnings = demo.place.get(
        "events", NAMESPACE, "--field-selector=involvedObject.name=drained,type=Warning"
    )
    assert [event for event in warnings if event["involvedObject"]["kind"] == "Integration"] == []
