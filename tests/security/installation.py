"""The product as its administrator installs it, on an API server that keeps a log of each request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import Cluster
from dev.toolchain import Toolchain
from kubernetes import client, config
from tests.support.account import CHART, holds, kubeconfig_of
from tests.support.process import free_port
from tests.support.waiting import until

NAME = "spark-integrations"
GROUP = "spark-integrations.dev"


@dataclass(frozen=True)
class Asked:
    """One request out of the audit log. ``resource`` is "" where a path was asked for, which is ``name``."""

    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    code: int
    allowed: bool
    why: str


class Installation:
    """``helm install`` with two replicas as processes: each with the chart's arguments and account."""

    def __init__(self, cluster: Cluster, folder: Path, *options: str) -> None:
        self.cluster = cluster
        self._folder = folder
        self._helm = Toolchain().path("helm")
        words = ("--set", "replicaCount=0", *options)
        self.helm("install", NAME, str(CHART), "--create-namespace", *words)
        self.user = f"system:serviceaccount:{NAME}:{NAME}"
        self.kubeconfig = kubeconfig_of(cluster, NAME, NAME, folder)
        deployment = json.loads(
            cluster.kubectl("get", "deployment", NAME, "--namespace", NAME, "-o", "json")
        )
        (box,) = deployment["spec"]["template"]["spec"]["containers"]
        self._arguments: list[str] = box["args"]
        self._replicas: list[subprocess.Popen[bytes]] = []

    def helm(self, *arguments: str) -> str:
        return subprocess.run(
            [self._helm, *arguments, "--namespace", NAME],
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    # --- replicas

    def start(self, **environment: str) -> int:
        """One more replica; its number."""
        ports = {"--health-port": free_port(), "--metrics-port": free_port()}
        arguments = [
            f"{name}={ports.get(name, value)}"
            for name, _, value in (argument.partition("=") for argument in self._arguments)
        ]
        number = len(self._replicas)
        with self.log(number).open("wb") as log:
            self._replicas.append(
                subprocess.Popen(
                    [str(Path(sys.executable).with_name("spark-operator")), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={
                        **os.environ,
                        "POD_NAME": f"replica-{number}",
                        **environment,
                        "KUBECONFIG": str(self.kubeconfig),
                    },
                )
            )
        return number

    def log(self, number: int) -> Path:
        return self._folder / f"replica-{number}.log"

    def leads(self, number: int) -> bool:
        """Whether it lives, and its log says so."""
        if self._replicas[number].poll() is not None:
            return False
        told = re.findall(r"(leading as|not leading any more)", self.log(number).read_text())
        return bool(told) and told[-1] == "leading as"

    def wait_leading(self, number: int, seconds: float = 40) -> None:
        until(
            lambda: self.leads(number),
            seconds,
            lambda: f"it does not lead: {self.log(number).read_text()[-2000:]}",
        )

    def kill(self, number: int) -> None:
        self._replicas[number].kill()
        self._replicas[number].wait(10)

    def terminate(self, number: int) -> int:
        self._replicas[number].terminate()
        return self._replicas[number].wait(15)

    def close(self) -> None:
        for replica in self._replicas:
            replica.kill()
            replica.wait(10)

    # --- what it may

    def holds(self) -> bool:
        """Whether the admission policy keeps the operator's account from other Jobs than fetches."""
        api = config.new_client_from_config(str(self.kubeconfig))
        try:
            return holds(client.BatchV1Api(api), NAME)
        finally:
            api.close()

    # --- what was asked

    def asked(self) -> list[Asked]:
        """Every request of the operator's account so far, refused ones included."""
        with self.cluster.layout.log("audit").open("rb") as log:
            events = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [asked(e) for e in events if e["user"]["username"] == self.user]

    def granted(self) -> set[tuple[str, str, str]]:
        """(verb, group, resource) that the API server's roles give the account by a binding to it."""
        found: set[tuple[str, str, str]] = set()
        for kind in ("clusterrole", "role"):
            bindings = self._all(f"{kind}bindings")
            roles = {
                (r["metadata"].get("namespace"), r["metadata"]["name"]): r
                for r in self._all(f"{kind}s")
            }
            for binding in bindings:
                if not any(self._is_me(subject) for subject in binding.get("subjects") or ()):
                    continue
                role = roles[binding["metadata"].get("namespace"), binding["roleRef"]["name"]]
                found |= {
                    (verb, group, resource)
                    for rule in role["rules"]
                    for verb in rule["verbs"]
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                }
        return found

    def _is_me(self, subject: dict[str, Any]) -> bool:
        return (subject["kind"], subject["name"], subject.get("namespace")) == (
            "ServiceAccount",
            NAME,
            NAME,
        )

    def _all(self, plural: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(
            self.cluster.kubectl("get", plural, "--all-namespaces", "-o", "json")
        )["items"]
        return items


def asked(event: dict[str, Any]) -> Asked:
    target = event.get("objectRef", {})
    resource = target.get("resource", "")
    if target.get("subresource"):
        resource += f"/{target['subresource']}"
    notes = event.get("annotations", {})
    return Asked(
        user=event["user"]["username"],
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", "") if resource else event["requestURI"].partition("?")[0],
        code=event.get("responseStatus", {}).get("code", 0),
        allowed=notes.get("authorization.k8s.io/decision") == "allow",
        why=notes.get("authorization.k8s.io/reason", ""),
    )
