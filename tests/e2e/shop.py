"""A shop of its own for each page of the documentation, where the page names one on the internet."""

from __future__ import annotations

from pathlib import Path

from dev.demo.place import Place, manifest
from tests.e2e import cluster

SOURCE = Path(__file__).parents[2] / "dev" / "demo" / "source.py"
NAMESPACE = "shop"
# What a page says → where it is here. Everything else is run as it stands.
INSTEAD = {
    "https://shop.example.com/api": f"http://shop.{NAMESPACE}.svc/api",
    "https://kubernetes.io/feed.xml": f"http://shop.{NAMESPACE}.svc/news.xml",
}
TOKEN = {"token": "open-sesame"}


def up(place: Place) -> None:
    """Fifty orders, and nobody who makes more: its pages show numbers."""
    if place.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        return
    place.kubectl("create", "namespace", NAMESPACE)
    script = SOURCE.read_text(encoding="utf-8")
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-token"}}
    cluster.apply(
        place,
        {**data, "data": {"source.py": script}},
        {**secret, "stringData": TOKEN},
        namespace=NAMESPACE,
    )
    pods = manifest("shop", RUNNER_IMAGE=place.runner_image, SOURCE_HASH="once")
    place.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=pods)
    place.kubectl("rollout", "status", "deployment/shop", "-n", NAMESPACE, "--timeout=90s")
