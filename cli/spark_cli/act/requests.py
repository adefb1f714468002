"""Asking the operator for something, by the annotations of docs/requests.md."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from spark_cli.gather import kinds
from spark_cli.gather.cluster import MERGE_PATCH, ApiFailure, Cluster
from spark_operator.model import names
from spark_operator.model.integration import Integration
from spark_operator.model.status import Mode


def token(now: datetime) -> str:
    """One that nobody else makes, however many ask in one second."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(3)}"


def annotations(mode: Mode, token_: str, since: str | None) -> dict[str, str | None]:
    """Mode and token in one write, always both: what stands there from an earlier request counts
    otherwise. A time that is not asked for is taken away with it."""
    return {
        names.REQUESTED_AT: token_,
        names.REQUESTED_MODE: mode.value,
        names.REQUESTED_SINCE: since,
    }


def ask(
    cluster: Cluster, integration: Integration, mode: Mode, token_: str, since: str | None = None
) -> dict[str, Any]:
    """Ask for a run. Raises ApiFailure, also where the object is another one by now."""
    return _annotate(cluster, integration, annotations(mode, token_, since))


def clear_failures(cluster: Cluster, integration: Integration, token_: str) -> dict[str, Any]:
    """``resetAt``: forget the failures, without a fetch."""
    return _annotate(cluster, integration, {names.RESET_AT: token_})


def suspend(cluster: Cluster, integration: Integration, *, suspended: bool) -> dict[str, Any]:
    return _patch(cluster, integration, {"spec": {"suspend": suspended}})


def _annotate(
    cluster: Cluster, integration: Integration, values: Mapping[str, str | None]
) -> dict[str, Any]:
    return _patch(cluster, integration, {"metadata": {"annotations": dict(values)}})


def _patch(cluster: Cluster, integration: Integration, body: dict[str, Any]) -> dict[str, Any]:
    # The uid makes the server refuse (as a field that is immutable) what was made anew under this name.
    body["metadata"] = {**body.get("metadata", {}), "uid": integration.uid}
    path = kinds.INTEGRATION.path(integration.namespace, integration.name)
    try:
        answer: dict[str, Any] = cluster.send(
            "PATCH",
            path,
            params={"fieldManager": "kubectl-spark"},
            body=body,
            content_type=MERGE_PATCH,
        ).json()
    except ApiFailure as error:
        if "metadata.uid" not in error.message:
            raise
        said = f'"{integration.name}" was deleted and made anew meanwhile, and the new one is left alone'
        raise ApiFailure(409, "Conflict", said) from error
    return answer
