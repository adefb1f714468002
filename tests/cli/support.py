"""``kubectl spark`` as a process, and a user with few rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.support.world import World

PROGRAM = Path(sys.executable).with_name("kubectl-spark")


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, without its head: columns are three spaces or more apart."""
        return [
            [cell.strip() for cell in line.split("   ") if cell.strip()]
            for line in self.out.splitlines()[1:]
        ]

    @property
    def table(self) -> dict[str, list[str]]:
        """The rows of a table by their first cell."""
        return {row[0]: row for row in self.rows}

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Spark:
    """The command, with a kubeconfig and a namespace."""

    def __init__(
        self, kubeconfig: Path | str, namespace: str | None = None, **environment: str
    ) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), **environment}
        self._namespace = namespace

    @classmethod
    def of(cls, world: World) -> Spark:
        return cls(world.kubeconfig, world.namespace)

    def command(self, *arguments: str) -> list[str]:
        where = ["-n", self._namespace] if self._namespace and "-A" not in arguments else []
        return [str(PROGRAM), *arguments, *where]

    def start(self, *arguments: str, program: str = PROGRAM.name) -> subprocess.Popen[str]:
        """As a process of its own, whose output comes when it has ended, or is read from its pipes.

        Signals end it as they would in a terminal, also where the tests run below nohup, or in the
        background of a shell: what is ignored there is ignored by every process below.
        """
        _, *rest = self.command(*arguments)
        return subprocess.Popen(
            ["env", "--default-signal", str(PROGRAM.with_name(program)), *rest],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, stdin: str | None = None, seconds: float = 90) -> Answer:
        done = subprocess.run(
            self.command(*arguments),
            env=self._environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


def ended(process: subprocess.Popen[str], seconds: float = 60) -> Answer:
    """The answer of a process once it has ended."""
    out, err = process.communicate(timeout=seconds)
    return Answer(process.returncode, out, err)


def account(world: World, name: str, rules: list[Mapping[str, Any]], folder: Path) -> Path:
    """A kubeconfig for a ServiceAccount with these rights, in the world's namespace and cluster-wide."""
    role = f"{world.namespace}-{name}"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": world.namespace}
    world.core.create_namespaced_service_account(world.namespace, {"metadata": {"name": name}})
    group = "rbac.authorization.k8s.io"
    for plural, body in (
        ("clusterroles", {"metadata": {"name": role}, "rules": rules}),
        (
            "clusterrolebindings",
            {
                "metadata": {"name": role},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [subject],
            },
        ),
    ):
        world.objects.create_cluster_custom_object(group, "v1", plural, body)
    asked = {"spec": {"audiences": [], "expirationSeconds": 3600}}
    made = world.core.create_namespaced_service_account_token(name, world.namespace, asked)
    config = yaml.safe_load(Path(world.kubeconfig).read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": made.status.token}}]
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def operator_rules() -> list[dict[str, Any]]:
    """All that the chart grants to the operator, for a Scheduler of the name ``spark``."""
    install = Path(__file__).parents[2] / "manifests" / "install.yaml"
    found = []
    for body in yaml.safe_load_all(install.read_text()):
        role = body and body["kind"] in ("ClusterRole", "Role")
        if role and body["metadata"]["name"] == "spark-integrations":
            for rule in body["rules"]:
                named = {"resourceNames": ["spark"]} if "resourceNames" in rule else {}
                found.append({**rule, **named})
    return found


VIEW = [
    {
        "apiGroups": ["spark-integrations.dev"],
        "resources": ["integrations", "plugins"],
        "verbs": ["get", "list", "watch"],
    }
]
