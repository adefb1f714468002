"""How soon a pod is of use: the goal of the design is one second to the first request."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import pytest
from dev.demo.run import NAMESPACE, Demo
from tests.e2e import cluster

pytestmark = [pytest.mark.node, pytest.mark.timeout(120)]

GOAL_SECONDS = 1.0
_DOCUMENT = {
    "version": 1,
    "uid": "0f0f",
    "namespace": NAMESPACE,
    "name": "start",
    "run": 1,
    "attempt": 1,
    "mode": "fetch",
    "since": None,
    "request": None,
    "service": "rest",
    "config": {
        "baseUrl": "http://ADDRESS",
        "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
    },
    "credentials": None,
    "destination": {"type": "duckdb", "dataset": "start"},
    # The pod's own address, which is a private one: loopback is open to nobody.
    "egressHosts": ["0.0.0.0/0"],
    "timeoutSeconds": 60,
}


def test_the_runner_is_imported_and_asks_the_service_within_a_second(demo: Demo) -> None:
    place = demo.place
    script = (Path(__file__).parent / "fetch_start.py").read_text(encoding="utf-8")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "start"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsUser": 65532, "fsGroup": 65532},
            "containers": [
                {
                    "name": "start",
                    "image": place.runner_image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", script, json.dumps(_DOCUMENT)],
                    "volumeMounts": [
                        {"name": "data", "mountPath": "/var/lib/spark/data"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
    cluster.apply(place, pod)
    until_ended = ("--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")
    place.kubectl("wait", "pod/start", "-n", NAMESPACE, *until_ended)
    found = json.loads(place.kubectl("logs", "start", "-n", NAMESPACE))
    seconds = {what: median(times) for what, times in found.items()}
    print({what: round(median(times), 2) for what, times in found.items()})
    assert seconds["import"] <= GOAL_SECONDS, found
    assert seconds["first request"] <= GOAL_SECONDS, found
