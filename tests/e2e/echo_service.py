"""The service of ``echo.py`` in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dev.demo.place import Place
from dev.demo.run import NAMESPACE
from tests.e2e import cluster

ADDRESS = "http://echo"


def up(place: Place) -> None:
    """Ready when this returns."""
    cluster.apply(place, *_bodies(place.runner_image))
    place.kubectl("wait", "pod/echo", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=60s")


def seen(place: Place) -> str:
    """Every request of others so far."""
    script = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/seen').read().decode())"
    )
    return place.kubectl("exec", "-n", NAMESPACE, "echo", "--", "python3", "-c", script)


def _bodies(image: str) -> Iterator[dict[str, Any]]:
    script = (Path(__file__).parent / "echo.py").read_text(encoding="utf-8")
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "echo"},
        "data": {"echo.py": script},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "echo", "labels": {"app": "echo"}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "echo",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-u", "/source/echo.py"],
                    "readinessProbe": {
                        "httpGet": {"path": "/healthz", "port": 8000},
                        "periodSeconds": 1,
                    },
                    "volumeMounts": [{"name": "source", "mountPath": "/source"}],
                }
            ],
            "volumes": [{"name": "source", "configMap": {"name": "echo"}}],
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo"},
        "spec": {"selector": {"app": "echo"}, "ports": [{"port": 80, "targetPort": 8000}]},
    }
