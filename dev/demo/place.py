"""Where the demonstration runs: the local cluster, or the one of the current kubeconfig context."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import postgres
from dev.cluster import Cluster
from dev.errors import RefusalError
from dev.images import Images, reference
from dev.toolchain import Toolchain

# A folder that is a mount of the cluster's own, so it goes with the cluster.
_VOLUMES = "/var/lib/kubelet/spark-demo"
# Longer than any --timeout that a command is given: for one that hangs without a word.
_COMMAND_SECONDS = 180


@dataclass
class Place:
    """A cluster, and the images that it can run. ``local`` is None for a user's own cluster."""

    environment: dict[str, str]
    operator_image: str
    runner_image: str
    local: Cluster | None = None
    images_are_new: bool = False

    def run(self, tool: str, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """kubectl or helm; a RefusalError carries what it complained of.

        Without ``check`` the complaint is part of the answer.
        """
        command = f"{tool} {' '.join(arguments[:4])} …"
        try:
            result = subprocess.run(
                [Toolchain().path(tool), *arguments],
                env=self.environment,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise RefusalError(f"{command}: no end after {_COMMAND_SECONDS} s") from None
        if result.returncode == 0:
            return result.stdout
        if check:
            raise RefusalError(f"{command}: {result.stderr.strip()}")
        return result.stdout + result.stderr

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return self.run("kubectl", *arguments, stdin=stdin, check=check)

    def get(self, kind: str, namespace: str, *more: str) -> list[dict[str, Any]]:
        """Objects of a kind."""
        found = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json", *more))
        items: list[dict[str, Any]] = found["items"]
        return items

    def volume(self, namespace: str) -> None:
        """A folder of the local node as the volume of the claim ``spark-data``.

        A volume whose claim was deleted, alone or with its namespace, never binds again: it is made
        anew. The files in its folder stay.
        """
        assert self.local is not None
        folder = f"{_VOLUMES}/{namespace}"
        self.local.exec(["mkdir", "-p", folder], everything=True)
        name = f"{namespace}-spark-data"
        bound = self._uid("pv", name, "{.spec.claimRef.uid}")
        if bound and bound != self._uid("pvc", "spark-data", "{.metadata.uid}", "-n", namespace):
            self.kubectl("delete", "pv", name, "--timeout=30s")
        volume = manifest("storage", NAMESPACE=namespace, VOLUME_FOLDER=folder)
        self.kubectl("apply", "-f", "-", stdin=volume)

    def _uid(self, kind: str, name: str, path: str, *more: str) -> str:
        return self.kubectl(
            "get", kind, name, *more, "--ignore-not-found", "-o", f"jsonpath={path}"
        )

    def warehouse(self, namespace: str) -> dict[str, Any]:
        """A PostgreSQL that pods of the namespace reach, as the Secret ``warehouse``."""
        assert self.local is not None
        return postgres.up(self.local, namespace).secret("warehouse")

    def query(self, statement: str) -> list[list[str]]:
        """Rows of the warehouse."""
        assert self.local is not None
        return postgres.query(self.local, statement)


def local(cluster: Cluster) -> Place:
    """The local cluster, brought up, with the images of this checkout loaded."""
    cluster.up()
    archives = Images().build()
    new = [cluster.load_image(archive) for archive in archives.values()]
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    return Place(environment, reference("operator"), reference("runner"), cluster, any(new))


def current() -> Place:
    """The user's own cluster, with images that it can pull. Raises RefusalError with what to set."""
    missing = [n for n in ("OPERATOR_IMAGE", "RUNNER_IMAGE") if not os.environ.get(n)]
    if missing:
        raise RefusalError(
            f"set {' and '.join(missing)} to images that your cluster can pull (the Dockerfile has "
            "the targets operator and runner)"
        )
    return Place(dict(os.environ), os.environ["OPERATOR_IMAGE"], os.environ["RUNNER_IMAGE"])


def manifest(name: str, **values: str) -> str:
    """A file of ``manifests/`` with its capitals replaced."""
    text = (Path(__file__).parent / "manifests" / f"{name}.yaml").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(key, value)
    return text
