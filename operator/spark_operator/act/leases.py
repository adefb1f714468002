"""The Lease object: read, create, and replace by compare-and-set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spark_operator.act import paths
from spark_operator.act.api import Api, ApiError
from spark_operator.model import fields


@dataclass(frozen=True, slots=True)
class Lease:
    """``body`` is kept whole: a PUT must not drop what others wrote into the object."""

    holder: str
    duration_seconds: int
    transitions: int
    body: Mapping[str, Any]

    @property
    def version(self) -> str:
        return fields.text(fields.mapping(self.body.get("metadata")).get("resourceVersion"))


def _parse(body: Mapping[str, Any]) -> Lease:
    spec = fields.mapping(body.get("spec"))
    return Lease(
        holder=fields.text(spec.get("holderIdentity")),
        duration_seconds=fields.integer(spec.get("leaseDurationSeconds")),
        transitions=fields.integer(spec.get("leaseTransitions")),
        body=body,
    )


async def read(api: Api, namespace: str, name: str) -> Lease | None:
    try:
        return _parse(await api.get(f"{paths.leases(namespace)}/{name}"))
    except ApiError as error:
        if error.not_found:
            return None
        raise


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _spec(lease: Lease | None, holder: str, duration_seconds: int) -> dict[str, Any]:
    now = _micro_time()
    before = fields.mapping(lease.body.get("spec")) if lease else {}
    changed = lease is None or lease.holder != holder
    return {
        **before,
        "holderIdentity": holder,
        "leaseDurationSeconds": duration_seconds,
        "renewTime": now,
        "acquireTime": now if changed else before.get("acquireTime", now),
        "leaseTransitions": (lease.transitions if lease else 0) + (1 if lease and changed else 0),
    }


async def create(api: Api, namespace: str, name: str, *, holder: str, seconds: int) -> Lease:
    """Raises ApiError 409 where another was faster."""
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": _spec(None, holder, seconds),
    }
    return _parse(await api.write("POST", paths.leases(namespace), body, fenced=False))


async def replace(api: Api, lease: Lease, *, holder: str, seconds: int) -> Lease:
    """Take, renew or (with an empty holder) release. The resourceVersion in the body is the fence.

    Raises ApiError 409 where the Lease changed since it was read.
    """
    metadata = fields.mapping(lease.body.get("metadata"))
    path = f"{paths.leases(fields.text(metadata.get('namespace')))}/{metadata.get('name')}"
    body = {**lease.body, "spec": _spec(lease, holder, seconds)}
    return _parse(await api.write("PUT", path, body, fenced=False))
