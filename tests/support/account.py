"""The operator's own account: what the chart grants it, and the policy that holds it, on a real API server."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from dev.toolchain import Toolchain
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from tests.support.waiting import until

CHART = Path(__file__).parents[2] / "charts" / "spark-integrations"
PARTS = ("rbac", "serviceaccount", "admission-policy")


class Account:
    """A release of the chart without its Deployment: ServiceAccount, roles and admission policy.

    The roles name the Scheduler ``scheduler`` in place of the release's. ``kubeconfig`` has the account's
    own token. The policy is in force when this returns: that takes the API server a moment.
    """

    def __init__(
        self,
        cluster: Any,
        folder: Path,
        *,
        namespace: str,
        scheduler: str = "spark",
        options: tuple[str, ...] = (),
    ) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.name = f"{namespace}-spark-integrations"
        self._bodies = self._render(scheduler, options)
        self._file = folder / "account.yaml"
        self._file.write_text(yaml.safe_dump_all(self._bodies))
        cluster.kubectl("apply", "--server-side", "-f", str(self._file))
        (made,) = [b["metadata"] for b in self._bodies if b["kind"] == "ServiceAccount"]
        self.account: str = made["name"]
        self.user = f"system:serviceaccount:{namespace}:{self.account}"
        self.kubeconfig = kubeconfig_of(cluster, namespace, self.account, folder)
        self._api = config.new_client_from_config(str(self.kubeconfig))
        self.jobs = client.BatchV1Api(self._api)
        if any(b["kind"] == "ValidatingAdmissionPolicy" for b in self._bodies):
            until(self._holds, 30, "the admission policy does not come into force")

    def _render(self, scheduler: str, options: tuple[str, ...]) -> list[dict[str, Any]]:
        parts = [word for part in PARTS for word in ("--show-only", f"templates/{part}.yaml")]
        command = [Toolchain().path("helm"), "template", self.namespace, CHART, *parts, *options]
        rendered = subprocess.run(
            [*command, "--namespace", self.namespace], check=True, capture_output=True, text=True
        ).stdout
        bodies = [body for body in yaml.safe_load_all(rendered) if body]
        for body in bodies:
            for rule in body.get("rules") or ():
                if "resourceNames" in rule:
                    rule["resourceNames"] = [scheduler]
        return bodies

    def _holds(self) -> bool:
        """Whether it refuses a Job that nobody could take for a fetch, and to delete such a one."""
        if not holds(self.jobs, self.namespace):
            return False
        probe = {"metadata": {"name": f"probe-{uuid.uuid4().hex[:8]}"}, "spec": HARMLESS}
        admin = config.new_client_from_config(str(self._cluster.kubeconfig))
        try:
            others = client.BatchV1Api(admin)
            name = others.create_namespaced_job(self.namespace, probe).metadata.name
            try:
                self.jobs.delete_namespaced_job(name, self.namespace, dry_run="All")
                return False
            except ApiException as error:
                return _OF_A_POLICY in str(error.body)
            finally:
                others.delete_namespaced_job(name, self.namespace, propagation_policy="Background")
        finally:
            admin.close()

    def refusal(self, namespace: str, job: Mapping[str, Any]) -> str:
        return refusal(self.jobs, namespace, job)

    def close(self) -> None:
        self._api.close()
        self._cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(self._file))


HARMLESS: dict[str, Any] = {
    "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
}


_OF_A_POLICY = "ValidatingAdmissionPolicy"


def refusal(jobs: client.BatchV1Api, namespace: str, job: Mapping[str, Any]) -> str:
    """What the API server says to this Job of the user of ``jobs``; empty where it would take it."""
    try:
        jobs.create_namespaced_job(namespace, job, dry_run="All")
    except ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


def holds(jobs: client.BatchV1Api, namespace: str) -> bool:
    """Whether a policy keeps the user of ``jobs`` from a Job that nobody could take for a fetch."""
    probe = {"metadata": {"name": "probe"}, "spec": HARMLESS}
    return _OF_A_POLICY in refusal(jobs, namespace, probe)


def kubeconfig_of(cluster: Any, namespace: str, account: str, folder: Path) -> Path:
    """A kubeconfig with a token of that ServiceAccount, as a pod of it would have."""
    admin = config.new_client_from_config(str(cluster.kubeconfig))
    asked = {"spec": {"audiences": [], "expirationSeconds": 7200}}
    core = client.CoreV1Api(admin)
    made = core.create_namespaced_service_account_token(account, namespace, asked)
    admin.close()
    told = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    told["users"] = [{"name": told["users"][0]["name"], "user": {"token": made.status.token}}]
    path = folder / f"{namespace}-{account}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(told))
    return path
