"""Helm, kubectl, and an API server as the tests of the chart use them."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev.toolchain import Toolchain
from kubernetes import client, config

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "spark-integrations"
CRDS = CHART / "crds"
RELEASED: str = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
"""The version, which is the tag of the images where the values name none."""
BUNDLED = {path.stem for path in (CHART / "files" / "plugins").glob("*.yaml")}
GROUP = "spark-integrations.dev"
OF_PROMETHEUS = ("ServiceMonitor", "PrometheusRule")
"""Kinds of the Prometheus operator, which no API server here serves."""
SERVED = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in OF_PROMETHEUS]
"""How Helm, without a cluster, is told of them."""
PLURALS = {"Integration": "integrations", "Plugin": "plugins", "Scheduler": "schedulers"}

Run = Callable[..., subprocess.CompletedProcess[str]]


def crd(kind: str) -> dict[str, Any]:
    """The CRD of a kind, as it lies in the chart."""
    body: dict[str, Any] = yaml.safe_load((CRDS / f"{PLURALS[kind]}.{GROUP}.yaml").read_text())
    return body


def run(name: str, kubeconfig: Path | str | None) -> Run:
    """One of the tools, as a function of its arguments; without a cluster it finds none."""
    program = Toolchain().path(name)
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig or "/nonexistent")}

    def call(*arguments: str, stdin: str | None = None, check: bool = True) -> Any:
        result = subprocess.run(
            [program, *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            pytest.fail(f"{name} {' '.join(arguments)}: {result.stderr or result.stdout}")
        return result

    return call


class Server:
    """An API server, by kubectl, helm and an independent client."""

    def __init__(self, kubeconfig: Path | str) -> None:
        self.namespace = f"chart-{uuid.uuid4().hex[:8]}"
        self.kubectl = run("kubectl", kubeconfig)
        self.helm = run("helm", kubeconfig)
        self.api = config.new_client_from_config(str(kubeconfig))
        self.objects = client.CustomObjectsApi(self.api)

    def install_crds(self) -> None:
        """Bring the CRDs to what lies in the chart, and wait until they are served."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
        names = [f"crd/{plural}.{GROUP}" for plural in PLURALS.values()]
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)

    def create(
        self,
        kind: str,
        spec: Any,
        *,
        name: str = "x",
        namespace: str = "default",
        dry_run: bool = True,
        validation: str = "Strict",
        **more: Any,
    ) -> dict[str, Any]:
        """Create an object of ours and return what the server made of it."""
        body = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, **more}
        if spec is not None:
            body["spec"] = spec
        options: dict[str, Any] = {"field_validation": validation}
        if dry_run:
            options["dry_run"] = "All"
        if kind == "Plugin":
            made = self.objects.create_cluster_custom_object(
                GROUP, "v1", "plugins", body, **options
            )
        else:
            made = self.objects.create_namespaced_custom_object(
                GROUP, "v1", namespace, PLURALS[kind], body, **options
            )
        assert isinstance(made, dict)
        return made
