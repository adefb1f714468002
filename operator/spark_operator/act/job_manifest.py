"""The Job of one run: a pure function from the claim to a manifest (design, section 4)."""

import json
from datetime import datetime
from typing import Any

from spark_operator.model import fetch_document, names, timestamps, write_back
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Run

CREDENTIALS_FOLDER = "/var/run/spark/credentials"
DESTINATION_FOLDER = "/var/run/spark/destination"
API_FOLDER = "/var/run/spark/api"
DATA_FOLDER = "/var/lib/spark/data"

_GRACE_SECONDS = 15
_UID = 65532
# A safety net for Jobs that no operator prunes any more: far beyond any re-create of their name.
_TTL_SECONDS = 86_400
_TMP_SIZE = "1Gi"


def _env_json(value: dict[str, Any]) -> str:
    """JSON without a dollar sign: Kubernetes would expand ``$(NAME)`` in an environment variable."""
    return json.dumps(value, separators=(",", ":")).replace("$", "\\u0024")


def _secret_volume(name: str, secret: str, keys: tuple[str, ...]) -> dict[str, Any]:
    # Optional, so that a missing Secret or key does not leave the pod hanging without a word: the
    # runner finds no file and says which one.
    return {
        "name": name,
        "secret": {
            "secretName": secret,
            "optional": True,
            "defaultMode": 0o440,
            "items": [{"key": key, "path": key} for key in keys],
        },
    }


def _token_volume(timeout_seconds: int) -> dict[str, Any]:
    """A token that ends soon after the Job, and what verifies the server that it is for."""
    return {
        "name": "api",
        "projected": {
            "defaultMode": 0o440,
            "sources": [
                {
                    "serviceAccountToken": {
                        "path": "token",
                        # The API server takes nothing below ten minutes.
                        "expirationSeconds": max(600, timeout_seconds + _GRACE_SECONDS),
                    }
                },
                {
                    "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    }
                },
            ],
        },
    }


def _volumes(
    integration: Integration, plugin: Plugin, target: Destination
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": _TMP_SIZE}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    secret = integration.spec.credentials_secret_name
    if secret and plugin.credentials:
        keys = tuple(key.name for key in plugin.credentials)
        volumes.append(_secret_volume("credentials", secret, keys))
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS_FOLDER, "readOnly": True})
    if write_back.account(integration, plugin):
        volumes.append(_token_volume(integration.spec.timeout_seconds))
        mounts.append({"name": "api", "mountPath": API_FOLDER, "readOnly": True})
    if target.secret_keys and target.secret_name:
        volumes.append(_secret_volume("destination", target.secret_name, target.secret_keys))
        mounts.append({"name": "destination", "mountPath": DESTINATION_FOLDER, "readOnly": True})
    if target.volume_claim:
        volumes.append(
            {"name": "data", "persistentVolumeClaim": {"claimName": target.volume_claim}}
        )
        mounts.append({"name": "data", "mountPath": DATA_FOLDER, "subPath": integration.name})
    return volumes, mounts


def _labels(integration: Integration, run: Run) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "spark-fetch",
        "app.kubernetes.io/component": "fetch",
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_INTEGRATION_UID: integration.uid,
        names.LABEL_SERVICE: integration.spec.service,
        names.LABEL_RUN: str(run.number),
    }


def build(
    integration: Integration,
    plugin: Plugin,
    scheduler: Scheduler,
    run: Run,
    *,
    target: Destination,
    runner_image: str,
    now: datetime,
) -> dict[str, Any]:
    """The manifest. Only a Plugin or the installation names the image, never an Integration."""
    template = scheduler.pod_template
    volumes, mounts = _volumes(integration, plugin, target)
    labels = _labels(integration, run)
    document = fetch_document.document(integration, plugin, target, run)
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _UID,
            "runAsGroup": _UID,
            "fsGroup": _UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "fetch",
                "image": plugin.image or runner_image,
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    {
                        "name": "SPARK_INTEGRATION",
                        "value": _env_json(document),
                    },
                    {"name": "JOB_CREATED_AT", "value": timestamps.dump(now)},
                ],
                "resources": dict(template.resources),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if account := write_back.account(integration, plugin):
        pod["serviceAccountName"] = account
    if template.node_selector:
        pod["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        pod["tolerations"] = [dict(t) for t in template.tolerations]
    if template.priority_class_name:
        pod["priorityClassName"] = template.priority_class_name
    if template.image_pull_secrets:
        pod["imagePullSecrets"] = [dict(s) for s in template.image_pull_secrets]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run.job_name,
            "namespace": integration.namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "Integration",
                    "name": integration.name,
                    "uid": integration.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": integration.spec.timeout_seconds,
            "ttlSecondsAfterFinished": _TTL_SECONDS,
            # A drained node is nobody's failure: Kubernetes starts another pod within the deadline.
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    }
                ]
            },
            "template": {
                # Ours last: the administrator's labels must not take a pod away from its Job.
                "metadata": {"labels": {**template.labels, **labels}},
                "spec": pod,
            },
        },
    }
