"""One namespace with a Scheduler, a Plugin and Integrations, and what the tests ask of it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from tests.support.waiting import until

GROUP, VERSION = "spark-integrations.dev", "v1"
CRDS = Path(__file__).parents[2] / "charts" / "spark-integrations" / "crds"


class World:
    """Everything in a namespace of its own; the Plugin, which is cluster-wide, has its name."""

    def __init__(self, cluster: Any, *, namespace: str | None = None) -> None:
        self.kubeconfig = cluster.kubeconfig
        self.namespace = namespace or f"world-{uuid.uuid4().hex[:8]}"
        self._api = config.new_client_from_config(str(cluster.kubeconfig))
        self.objects = client.CustomObjectsApi(self._api)
        if not self._kinds_are_served():
            cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        self.jobs = client.BatchV1Api(self._api)
        self.core = client.CoreV1Api(self._api)
        self.leases = client.CoordinationV1Api(self._api)
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        self.make_scheduler()
        self.make_plugin()

    def close(self) -> None:
        self.objects.delete_cluster_custom_object(GROUP, VERSION, "plugins", self.namespace)
        self.core.delete_namespace(self.namespace)
        self._api.close()

    def _kinds_are_served(self) -> bool:
        """Whether an earlier world of this API server brought them: that takes over a second."""
        try:
            for plural in ("schedulers", "plugins", "integrations"):
                self.objects.list_cluster_custom_object(GROUP, VERSION, plural, limit=1)
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    # --- making

    def make_scheduler(self, **spec: Any) -> None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Scheduler",
            "metadata": {"name": "spark"},
            "spec": {"destination": {"type": "postgres", "secretName": "warehouse"}, **spec},
        }
        self.objects.create_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "schedulers", body
        )

    def make_plugin(self, **spec: Any) -> None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Plugin",
            "metadata": {"name": self.namespace},
            "spec": {
                "title": "Demo",
                "configSchema": {"type": "object"},
                "maxConcurrentFetches": 1000,
                **spec,
            },
        }
        self.objects.create_cluster_custom_object(GROUP, VERSION, "plugins", body)

    def make(self, name: str, *, fate: dict[str, str] | None = None, **spec: Any) -> str:
        """An Integration whose pod does as ``fate`` says (dev/README.md); returns its uid."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Integration",
            "metadata": {"name": name},
            "spec": {
                "service": self.namespace,
                "config": {f"dev.spark/{k}": v for k, v in (fate or {}).items()},
                **spec,
            },
        }
        made = self.objects.create_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "integrations", body
        )
        uid: str = made["metadata"]["uid"]
        return uid

    def request(
        self, name: str, token: str, *, mode: str | None = None, since: str | None = None
    ) -> None:
        """Force a fetch, or what ``mode`` says."""
        asked = {"requestedAt": token, "requestedMode": mode, "requestedSince": since}
        self.annotate(name, **{key: value for key, value in asked.items() if value is not None})

    def annotate(self, name: str, **annotations: str) -> None:
        """As kubectl annotate does; the names without our group."""
        ours = {f"{GROUP}/{key}": value for key, value in annotations.items()}
        patch = {"metadata": {"annotations": ours}}
        self.objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "integrations", name, patch
        )

    def patch_status(self, name: str, **status: Any) -> None:
        self.objects.patch_namespaced_custom_object_status(
            GROUP, VERSION, self.namespace, "integrations", name, {"status": status}
        )

    def change(self, name: str, **spec: Any) -> None:
        """Change the spec of an Integration."""
        self.objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "integrations", name, {"spec": spec}
        )

    def change_scheduler(self, **spec: Any) -> None:
        self.objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "schedulers", "spark", {"spec": spec}
        )

    def change_plugin(self, **spec: Any) -> None:
        self.objects.patch_cluster_custom_object(
            GROUP, VERSION, "plugins", self.namespace, {"spec": spec}
        )

    # --- asking

    def get(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.objects.get_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "integrations", name
        )
        return found

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(name).get("status", {})
        return found

    def run(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.status(name).get("run", {})
        return found

    def condition(self, name: str, type_: str = "Ready") -> dict[str, Any]:
        found = self.status(name).get("conditions", ())
        return next((c for c in found if c["type"] == type_), {})

    def wait_reason(self, name: str, reason: str, seconds: float = 30) -> dict[str, Any]:
        """The Ready condition once it has that reason."""
        until(
            lambda: self.condition(name).get("reason") == reason,
            seconds,
            lambda: f"{name} is not {reason} but {self.status(name)}",
        )
        return self.condition(name)

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """(type, reason, message) of what was said about an Integration."""
        found = self.core.list_namespaced_event(
            self.namespace, field_selector=f"involvedObject.name={name}"
        )
        return [(e.type, e.reason, e.message) for e in found.items]

    def scheduler(self) -> dict[str, Any]:
        found: dict[str, Any] = self.objects.get_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "schedulers", "spark"
        )
        return found

    def unfinished(self) -> int:
        """How many Jobs go on."""
        jobs = self.jobs.list_namespaced_job(self.namespace).items
        return sum(
            not any(c.type in ("Complete", "Failed") for c in job.status.conditions or ())
            for job in jobs
        )

    def job_names(self) -> list[str]:
        return [j.metadata.name for j in self.jobs.list_namespaced_job(self.namespace).items]

    def wait_outcome(self, name: str, number: int, seconds: float = 60) -> dict[str, Any]:
        """The run of at least that number once it has ended, as it was when that was seen."""
        seen: dict[str, Any] = {}

        def ended() -> bool:
            seen.clear()
            seen.update(self.run(name))
            return _ended(seen, number)

        until(ended, seconds, lambda: f"run {number} of {name} did not end: {self.status(name)}")
        return seen

    def ended(self, name: str, number: int) -> bool:
        return _ended(self.run(name), number)

    def delete(self, kind: str, name: str) -> None:
        """By hand, and gone already is fine."""
        try:
            if kind == "job":
                self.jobs.delete_namespaced_job(
                    name, self.namespace, propagation_policy="Background"
                )
            elif kind == "lease":
                self.leases.delete_namespaced_lease(name, self.namespace)
            elif kind == "plugin":
                self.objects.delete_cluster_custom_object(GROUP, VERSION, "plugins", name)
            else:
                self.objects.delete_namespaced_custom_object(
                    GROUP, VERSION, self.namespace, f"{kind}s", name
                )
        except ApiException as error:
            if error.status != 404:
                raise


def _ended(run: dict[str, Any], number: int) -> bool:
    return bool(run) and run["number"] >= number and run["outcome"] != "Running"
