"""`helm test` of the installation: a fetch for real, and nothing of it left behind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from dev.demo.run import NAMESPACE, RELEASE, SYSTEM, Demo
from dev.errors import RefusalError
from dev.toolchain import Toolchain
from dev.waiting import until
from tests.support.world import GROUP

from dev import paths

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

NAME = f"{RELEASE}-test"
CHART = str(paths.ROOT / "charts" / "spark-integrations")
ANY_NODE = {
    "matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
}
KINDS = "integrations,pods,persistentvolumeclaims,roles,rolebindings,serviceaccounts,jobs"


def told(demo: Demo, *options: str, **integration: Any) -> None:
    """What the test fetches, as an administrator without the Internet says it."""
    said = f"test.integration={json.dumps(integration)}"
    demo.place.run(
        *("helm", "upgrade", RELEASE, CHART, "--namespace", SYSTEM, "--reset-then-reuse-values"),
        *("--wait", "--timeout", "120s", "--set-json", said, *options),
    )


def left(demo: Demo) -> set[str]:
    """What bears the test's labels, by kind."""
    of_the_test = demo.place.get(KINDS, SYSTEM, "-l", "app.kubernetes.io/component=test")
    return {body["kind"] for body in of_the_test}


@pytest.fixture
def volume(demo: Demo) -> Iterator[None]:
    """The local cluster has no provisioner: a folder of its node for the claim of the test."""
    place = demo.place
    assert place.local is not None
    folder = f"/var/lib/kubelet/spark-demo/{NAME}"
    place.local.exec(["mkdir", "-p", folder], everything=True)
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": NAME},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": SYSTEM, "name": NAME},
            # Not a hostPath: only here the kubelet gives what is mounted to the group of the fetch.
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [ANY_NODE]}},
        },
    }
    place.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    yield
    place.kubectl("delete", "pv", NAME, "--wait=false")
    demo.install()


def test_helm_test_fetches_and_removes_all_that_it_made(demo: Demo, volume: None) -> None:
    told(demo, service="rss", config={"url": f"http://shop.{NAMESPACE}.svc/news.xml"})
    said = demo.place.run("helm", "test", RELEASE, "--namespace", SYSTEM, "--logs")
    assert "Succeeded" in said
    assert f"rows with Job {NAME}-" in said
    assert left(demo) == set()
    role = f"{GROUP}/integration-uid"
    assert demo.place.get("jobs", SYSTEM, "-l", role) == []


def test_helm_test_fails_with_the_reason_where_the_fetch_fails(demo: Demo, volume: None) -> None:
    told(demo, service="rss", config={"url": f"http://shop.{NAMESPACE}.svc/nowhere.xml"})
    with pytest.raises(RefusalError, match="test"):
        demo.place.run("helm", "test", RELEASE, "--namespace", SYSTEM)
    # The pod that tells why stays until the next test; all that could fetch or read again is gone.
    assert left(demo) == {"Pod"}
    log = demo.place.kubectl("logs", "-n", SYSTEM, NAME)
    assert "spark-await-fetch: " in log
    assert "404" in log
    demo.place.kubectl("delete", "pod", "-n", SYSTEM, NAME)


def test_a_helm_test_that_was_cut_short_is_in_the_way_of_none(demo: Demo, volume: None) -> None:
    """Neither one that Helm knows nothing more of, nor one on which it gave up before its pod did:
    both have a pod that names the claim, for which whoever deletes the claim waits."""
    never = ("--set", "scheduler.spec.podTemplate.nodeSelector.there-is=none")
    told(demo, *never, service="rss", config={"url": f"http://shop.{NAMESPACE}.svc/news.xml"})
    place = demo.place
    helm = [Toolchain().path("helm"), "test", RELEASE, "--namespace", SYSTEM]
    killed = subprocess.Popen(helm, env=place.environment, stdout=subprocess.DEVNULL)
    try:
        fetches = ("pods", SYSTEM, "-l", "app.kubernetes.io/component=fetch")
        until(lambda: len(place.get(*fetches)) == 1, 60, "a pod waits for a node")
        until(lambda: "Pod" in left(demo), 60, "the test waits for it")
    finally:
        killed.kill()
        killed.wait(10)
    assert left(demo) >= {"Pod", "Integration", "PersistentVolumeClaim", "Role"}
    with pytest.raises(RefusalError, match=r"(?i)pod"):
        place.run("helm", "test", RELEASE, "--namespace", SYSTEM, "--timeout", "30s")
    assert left(demo) == {"Pod"}
    until(lambda: place.get(*fetches) == [], 30, "what was fetched goes with its Integration")
    place.kubectl("delete", "pod", "-n", SYSTEM, NAME)
