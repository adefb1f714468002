"""A service of the tests in the cluster: a file of this folder, in a pod, on the standard library alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dev.demo.place import Place
from dev.demo.run import NAMESPACE
from tests.e2e import cluster


def up(place: Place, name: str, namespace: str = NAMESPACE) -> None:
    """``name``.py as the Service of that name, which is ready when this returns."""
    cluster.apply(place, *_bodies(name, place.runner_image), namespace=namespace)
    place.kubectl("wait", f"pod/{name}", "-n", namespace, "--for=condition=Ready", "--timeout=60s")


def _bodies(name: str, image: str) -> Iterator[dict[str, Any]]:
    script = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {f"{name}.py": script},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-u", f"/source/{name}.py"],
                    "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
                    "volumeMounts": [{"name": "source", "mountPath": "/source"}],
                }
            ],
            "volumes": [{"name": "source", "configMap": {"name": name}}],
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]},
    }
