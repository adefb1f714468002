"""The Jobs that the operator makes: one of each shape that its manifest can take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from spark_operator.act import job_manifest
from spark_operator.decide import claim, validity
from spark_operator.model import integration, plugin, scheduler
from spark_operator.model.status import Run, Trigger

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
TEMPLATE: dict[str, Any] = {
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
    "labels": {"team": "data", "spark-integrations.dev/run": "forged"},
    "imagePullSecrets": [{"name": "registry"}],
    "priorityClassName": "system-node-critical",
}
CREDENTIALS = [{"name": "token"}, {"name": "hint", "required": False}]
POSTGRES = {"type": "postgres", "secretName": "warehouse"}
DUCKDB = {"type": "duckdb", "claimName": "lake"}
BUCKET = {"type": "filesystem", "bucketUrl": "s3://lake/a", "secretName": "bucket"}


def job(
    namespace: str,
    *,
    name: str = "alice",
    plugin_spec: dict[str, Any] | None = None,
    scheduler_spec: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """The manifest, by the operator's own code, of the first run of such an Integration."""
    asked = integration.parse(
        {
            "metadata": {"namespace": namespace, "name": name, "uid": "8b1c-uid", "generation": 1},
            "spec": {"service": "rest", "destination": POSTGRES, **spec},
        }
    )
    known = plugin.parse({"metadata": {"name": "rest", "uid": "p"}, "spec": plugin_spec or {}})
    settings = scheduler.parse(
        {"metadata": {"namespace": namespace, "name": "spark"}, "spec": scheduler_spec or {}}
    )
    run = Run(
        number=1,
        attempt=1,
        trigger=Trigger.SCHEDULED,
        generation=1,
        job_name=claim.job_name(asked, 1),
        started_at=NOW,
    )
    return job_manifest.build(
        asked,
        known,
        settings,
        run,
        target=validity.effective_destination(asked, settings),
        runner_image="runner:1",
        now=NOW,
    )


WITH_CREDENTIALS: dict[str, Any] = {
    "plugin_spec": {"credentials": CREDENTIALS},
    "credentialsSecretName": "alice",
}
WRITE_BACK: dict[str, Any] = {
    "plugin_spec": {"credentials": CREDENTIALS, "writesCredentials": True},
    "credentialsSecretName": "alice",
    "credentialsWriteBack": True,
}
SHAPES: dict[str, dict[str, Any]] = {
    "postgres": {},
    "a claim": {"destination": DUCKDB},
    "Parquet on a claim": {"destination": {"type": "filesystem"}},
    "a bucket": {"destination": BUCKET},
    "credentials": WITH_CREDENTIALS,
    "write-back": WRITE_BACK,
    "write-back into a claim, of an hour": {
        **WRITE_BACK,
        "destination": DUCKDB,
        "timeoutSeconds": 3600,
    },
    "write-back, with the longest name": {**WRITE_BACK, "name": "a" * 253},
    "write-back, with a name that just fits": {**WRITE_BACK, "name": "b" * 241},
    "write-back, with a name that just does not": {**WRITE_BACK, "name": "b" * 242},
    "the longest name, on a claim": {"name": ".".join(["c" * 63] * 3), "destination": DUCKDB},
    "everything a Scheduler can ask for": {"scheduler_spec": {"podTemplate": TEMPLATE}},
    "an image of a Plugin": {"plugin_spec": {"image": "plugins/own:1"}},
    "the shortest time": {"timeoutSeconds": 30},
    "a large config": {"config": {"text": "€" * 5000}},
}
