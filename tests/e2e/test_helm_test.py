"""`helm test` of the installation: a fetch for real, and nothing of it left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dev.demo.run import NAMESPACE, RELEASE, SYSTEM, Demo
from dev.errors import RefusalError
from tests.support.world import GROUP

from dev import paths

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

NAME = f"{RELEASE}-test"
CHART = str(paths.ROOT / "charts" / "spark-integrations")
ANY_NODE = {
    "matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
}
KINDS = "integrations,pods,persistentvolumeclaims,roles,rolebindings,serviceaccounts,jobs"


def told(demo: Demo, **integration: Any) -> None:
    """What the test fetches, as an administrator without the Internet says it."""
    said = f"test.integration={json.dumps(integration)}"
    demo.place.run(
        *("helm", "upgrade", RELEASE, CHART, "--namespace", SYSTEM, "--reset-then-reuse-values"),
        *("--wait", "--timeout", "120s", "--set-json", said),
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
