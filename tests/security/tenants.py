"""Two tenants of one installation: one who minds their own business, and one who has ``edit`` next door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from tests.operator.support import job_of
from tests.security.installation import GROUP, NAME, Installation
from tests.support.account import kubeconfig_of
from tests.support.waiting import until
from tests.support.world import World

POSTGRES = {"type": "postgres", "secretName": "warehouse"}
HANGS = {"outcome": "hang"}
QUICK = {"delay": "100ms"}
VERSION = "v1"
REFUSALS = (400, 403, 404, 413, 422)


class Tenant:
    """Mallory: the API server by a token of a ServiceAccount with ``edit`` in one namespace.

    Each method answers with what the API server said, a message where it refused, an object where not.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))
        self.token: str = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
        self.namespace = namespace
        self.objects = client.CustomObjectsApi(self._api)
        self.jobs = client.BatchV1Api(self._api)
        self.core = client.CoreV1Api(self._api)

    def close(self) -> None:
        self._api.close()

    def refused(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
        """The message of the API server. Fails where it did what was asked."""
        try:
            call(*arguments, **options)
        except ApiException as error:
            # What the server failed at is no refusal.
            if error.status not in REFUSALS:
                raise
            return said(error)
        raise AssertionError("nobody refused it")

    def create(
        self,
        name: str,
        spec: Mapping[str, Any] | None = None,
        *,
        validation: str = "Strict",
        namespace: str = "",
        status: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """An Integration that would be fetched, but for what ``spec`` says otherwise."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Integration",
            "metadata": {"name": name, **(metadata or {})},
            "spec": {
                "service": self.namespace,
                "destination": POSTGRES,
                "config": {"dev.spark/delay": "100ms"},
                **(spec or {}),
            },
        }
        if status is not None:
            body["status"] = status
        where = namespace or self.namespace
        made: dict[str, Any] = self.objects.create_namespaced_custom_object(
            GROUP, VERSION, where, "integrations", body, field_validation=validation
        )
        return made

    def refused_spec(self, **spec: Any) -> str:
        return self.refused(self.create, "refused", spec)

    def annotate(self, name: str, **annotations: str) -> None:
        patch = {"metadata": {"annotations": {f"{GROUP}/{k}": v for k, v in annotations.items()}}}
        self.objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "integrations", name, patch
        )


def said(error: ApiException) -> str:
    try:
        return str(yaml.safe_load(error.body)["message"])
    except (yaml.YAMLError, TypeError, KeyError):
        return f"{error.status} {error.reason}: {str(error.body)[:200]}"


class Street:
    """Both namespaces, and what of the quiet one must not move."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.alice = World(installation.cluster, namespace="alice")
        self.beside = World(installation.cluster, namespace="mallory")
        self._make_tenant()
        self.mallory = Tenant(
            kubeconfig_of(installation.cluster, "mallory", "mallory", folder), "mallory"
        )
        until(self._may_create, 30, "the rights of edit are not there")
        self.rested = self.alice.make(
            "rested", fate=QUICK, destination=POSTGRES, updateFrequencyMinutes=1440
        )
        self.alice.wait_outcome("rested", 1)
        self.running = self.alice.make(
            "running", fate=HANGS, destination=POSTGRES, timeoutSeconds=3600
        )
        self.job = job_of(self.alice, "running")
        until(lambda: self._ready(), 20, "its pod does not run")
        self._canaries = 0
        self.settle()
        self.before = self.state()

    def _ready(self) -> bool:
        return bool(self.alice.jobs.read_namespaced_job(self.job, "alice").status.ready)

    def _make_tenant(self) -> None:
        core = self.beside.core
        core.create_namespaced_service_account("mallory", {"metadata": {"name": "mallory"}})
        body = {
            "metadata": {"name": "edit"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "edit",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "mallory", "namespace": "mallory"}],
        }
        self.beside.objects.create_namespaced_custom_object(
            "rbac.authorization.k8s.io", "v1", "mallory", "rolebindings", body
        )

    def _may_create(self) -> bool:
        """Roles are aggregated by a controller."""
        try:
            self.mallory.create("probe", {"suspend": True})
        except ApiException as error:
            if error.status == 403:
                return False
            raise
        return True

    def close(self) -> None:
        self.mallory.close()
        self.beside.close()
        self.alice.close()

    def state(self) -> dict[str, str]:
        """The version of everything of Alice's that the operator or a tenant could change."""
        found = {}
        integrations = self.alice.objects.list_namespaced_custom_object(
            GROUP, VERSION, "alice", "integrations"
        )["items"]
        for body in integrations:
            found[f"integration/{body['metadata']['name']}"] = body["metadata"]["resourceVersion"]
        for job in self.alice.jobs.list_namespaced_job("alice").items:
            found[f"job/{job.metadata.name}"] = job.metadata.resource_version
        for event in self.alice.core.list_namespaced_event("alice").items:
            if event.involved_object.kind == "Integration":
                found[f"event/{event.metadata.name}"] = event.metadata.resource_version
        return found

    def settle(self) -> None:
        """Until the operator has dealt with what came before: a further Integration is fetched after it."""
        self._canaries += 1
        name = f"canary-{self._canaries}"
        self.beside.make(name, fate=QUICK, destination=POSTGRES)
        self.beside.wait_outcome(name, 1, seconds=40)
        self.beside.delete("integration", name)

    def job_of(self, name: str) -> Any:
        """The Job that the operator made for an Integration of Mallory's."""
        return self.beside.jobs.read_namespaced_job(job_of(self.beside, name), "mallory")

    def state_of(self, name: str, reason: str) -> str:
        """The message of an Integration of Mallory's, once that is its state."""
        return str(self.beside.wait_reason(name, reason)["message"])


def forged(street: Street, **metadata: Any) -> dict[str, Any]:
    """A Job that says it is the one that carries out Alice's run, and fails at once."""
    return {
        "metadata": {
            "name": street.job,
            "labels": {
                "app.kubernetes.io/managed-by": NAME,
                f"{GROUP}/integration-uid": street.running,
                f"{GROUP}/run": "1",
            },
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "Integration",
                    "name": "running",
                    "uid": street.running,
                    "controller": True,
                }
            ],
            # Without it the garbage collector is soon there, as such an owner is none.
            "finalizers": ["example.com/stay"],
            **metadata,
        },
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": {"dev.spark/outcome": "fail"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "fetch", "image": "x"}]},
            },
        },
    }
