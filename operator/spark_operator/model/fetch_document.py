"""What a fetch is told: the document that operator and runner agree upon (docs/contract.md)."""

from typing import Any

from spark_operator.model import destination as destinations
from spark_operator.model import timestamps, write_back
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import Run


def document(
    integration: Integration, plugin: Plugin, target: Destination, run: Run
) -> dict[str, Any]:
    """The document of one run, as plain data."""
    spec = integration.spec
    return {
        "version": 1,
        "uid": integration.uid,
        "namespace": integration.namespace,
        "name": integration.name,
        "run": run.number,
        "attempt": run.attempt,
        "mode": run.mode.value,
        "since": timestamps.dump(run.since),
        "request": run.request,
        "service": spec.service,
        "config": dict(spec.config),
        "credentials": (
            {
                "secretName": spec.credentials_secret_name,
                "keys": [{"name": k.name, "required": k.required} for k in plugin.credentials],
                "writeBackAccount": write_back.account(integration, plugin),
            }
            if plugin.credentials
            else None
        ),
        "destination": destinations.document(
            target, namespace=integration.namespace, name=integration.name
        ),
        "egressHosts": list(plugin.egress_hosts),
        "timeoutSeconds": spec.timeout_seconds,
    }
