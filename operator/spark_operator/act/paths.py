"""Addresses in the API, in one place."""

from urllib.parse import quote

from spark_operator.model.names import GROUP, VERSION

_SPARK = f"/apis/{GROUP}/{VERSION}"


def resources() -> str:
    """The discovery document of our group: which of our kinds the API server serves."""
    return _SPARK


def collection(plural: str, namespace: str | None = None) -> str:
    """All objects of one of our kinds, or of Jobs, in one namespace or in all."""
    base = "/apis/batch/v1" if plural == "jobs" else _SPARK
    return f"{base}/namespaces/{quote(namespace)}/{plural}" if namespace else f"{base}/{plural}"


def integration(namespace: str, name: str) -> str:
    return f"{_SPARK}/namespaces/{quote(namespace)}/integrations/{quote(name)}"


def scheduler(namespace: str, name: str) -> str:
    return f"{_SPARK}/namespaces/{quote(namespace)}/schedulers/{quote(name)}"


def job(namespace: str, name: str) -> str:
    return f"/apis/batch/v1/namespaces/{quote(namespace)}/jobs/{quote(name)}"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/pods"


def volume_claim(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/persistentvolumeclaims/{quote(name)}"


def events(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/events"


def leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases"
