"""An installation that is held to some namespaces, with the rights that the chart gives it and no others."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev.cluster import Cluster
from dev.toolchain import Toolchain
from kubernetes import client, config
from tests.operator.support import QUICK, fails
from tests.support.process import Operator
from tests.support.scrape import Scrape
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

from spark_operator.serve.metrics import PREFIX

CHART = Path(__file__).parents[2] / "charts" / "spark-integrations"
NOT_OF_PODS = ("--health-port", "--metrics-port", "--runner-image")
"""What a process beside others, with pods that no kubelet runs, must be told otherwise."""


@dataclass
class Installation:
    """A release that serves its own namespace and ``served``; ``other`` is a namespace like it, but not named."""

    world: World
    served: str
    other: str
    operator: Operator
    kubeconfig: Path
    account: str

    def make(self, namespace: str, name: str, fate: dict[str, str], **spec: Any) -> None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Integration",
            "metadata": {"name": name},
            "spec": {
                "service": self.world.namespace,
                "config": {f"dev.spark/{k}": v for k, v in fate.items()},
                "destination": {"type": "postgres", "secretName": "warehouse"},
                **spec,
            },
        }
        self.world.objects.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "integrations", body
        )

    def status(self, namespace: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.objects.get_namespaced_custom_object(
            GROUP, VERSION, namespace, "integrations", name
        ).get("status", {})
        return found

    def reason(self, namespace: str, name: str) -> str:
        conditions = self.status(namespace, name).get("conditions", ())
        return next((c["reason"] for c in conditions if c["type"] == "Ready"), "")

    def wait(self, namespace: str, name: str, reason: str) -> None:
        until(
            lambda: self.reason(namespace, name) == reason,
            40,
            lambda: f"{namespace}/{name} is not {reason}: {self.status(namespace, name)}",
        )


def rendered(release: str, namespace: str, served: str) -> list[dict[str, Any]]:
    command = [Toolchain().path("helm"), "template", release, CHART, "--namespace", namespace]
    options = ["--skip-tests", "--set", f"watchNamespaces={{{served}}}"]
    options += ["--set", "plugins.enabled=false", "--set", "rbac.aggregate=false"]
    out = subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout
    return [body for body in yaml.safe_load_all(out) if body]


def with_token(cluster: Cluster, namespace: str, account: str, folder: Path) -> Path:
    """A kubeconfig with a token of that ServiceAccount, as a pod of it has one."""
    with config.new_client_from_config(str(cluster.kubeconfig)) as admin:
        made = client.CoreV1Api(admin).create_namespaced_service_account_token(
            account, namespace, {"spec": {"expirationSeconds": 3600}}
        )
    told = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    told["users"] = [{"name": told["users"][0]["name"], "user": {"token": made.status.token}}]
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(told))
    return path


@pytest.fixture(scope="module")
def installation(
    apiserver: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("namespaced")
    world = World(apiserver)
    served, other = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("served", "other"))
    for namespace in (served, other):
        world.core.create_namespace({"metadata": {"name": namespace}})
    bodies = rendered(world.namespace, world.namespace, served)
    # The process beside the cluster takes the place of its pods.
    (deployment,) = (body for body in bodies if body["kind"] == "Deployment")
    applied = folder / "release.yaml"
    applied.write_text(yaml.safe_dump_all(body for body in bodies if body is not deployment))
    apiserver.kubectl("apply", "--server-side", "-f", str(applied))
    pod = deployment["spec"]["template"]["spec"]
    account = pod["serviceAccountName"]
    kubeconfig = with_token(apiserver, world.namespace, account, folder)
    told = [a for a in pod["containers"][0]["args"] if not a.startswith(NOT_OF_PODS)]
    operator = Operator(kubeconfig, folder, namespace=world.namespace, arguments=told)
    made = Installation(world, served, other, operator, kubeconfig, account)
    made.make(other, "left-alone", QUICK)
    try:
        operator.start().wait_leading()
        yield made
    finally:
        operator.kill()
        apiserver.kubectl("delete", "--wait=false", "-f", str(applied))
        apiserver.kubectl("delete", "namespace", served, other, "--wait=false")
        world.close()


def test_it_dispatches_in_its_own_namespace_and_in_those_it_is_told(
    installation: Installation,
) -> None:
    for namespace in (installation.world.namespace, installation.served):
        installation.make(namespace, "works", QUICK)
        installation.wait(namespace, "works", "Fetched")


def test_what_fails_and_what_lacks_its_claim_is_explained_there(installation: Installation) -> None:
    """Which takes reading the pod, reading the claim and writing Events."""
    served = installation.served
    installation.make(served, "fails", fails(10, reason="InvalidConfig"))
    installation.make(served, "claims", QUICK, destination={"type": "duckdb", "claimName": "none"})
    installation.wait(served, "fails", "InvalidConfig")
    installation.wait(served, "claims", "InvalidConfig")
    events = installation.world.core.list_namespaced_event(served).items
    told = {e.involved_object.name for e in events if e.involved_object.kind == "Integration"}
    assert {"fails", "claims"} <= told


def test_an_integration_is_deleted_and_its_jobs_go_with_it(installation: Installation) -> None:
    served = installation.served
    installation.make(served, "goes", QUICK)
    installation.wait(served, "goes", "Fetched")
    installation.world.objects.delete_namespaced_custom_object(
        GROUP, VERSION, served, "integrations", "goes"
    )


def test_no_integration_of_another_namespace_is_touched(installation: Installation) -> None:
    world = installation.world
    installation.make(installation.served, "later", QUICK)
    installation.wait(installation.served, "later", "Fetched")
    # It was there before the operator started, and is due as the others were.
    assert installation.status(installation.other, "left-alone") == {}
    assert world.jobs.list_namespaced_job(installation.other).items == []


def test_nothing_that_it_asks_is_refused(installation: Installation) -> None:
    """After all of the above, and the list of everything that makes its cache whole."""
    log = installation.operator.output()
    assert "caches are whole" in log
    assert "403" not in log
    assert "forbidden" not in log.lower()
    scrape = Scrape.of(installation.operator.metrics_port)
    codes = {
        sample.labels["code"]
        for sample in scrape.samples
        if sample.name == f"{PREFIX}_api_requests_total"
    }
    assert "201" in codes
    assert "403" not in codes


def test_its_account_may_do_nothing_elsewhere(installation: Installation) -> None:
    with config.new_client_from_config(str(installation.kubeconfig)) as ours:
        access = client.AuthorizationV1Api(ours)

        def may(verb: str, group: str, resource: str, namespace: str) -> bool:
            attributes = {"verb": verb, "group": group, "resource": resource}
            spec = {"resourceAttributes": {**attributes, "namespace": namespace}}
            answer = access.create_self_subject_access_review({"spec": spec})
            return bool(answer.status.allowed)

        asked = [
            ("create", "batch", "jobs"),
            ("list", "batch", "jobs"),
            ("list", GROUP, "integrations"),
            ("list", GROUP, "schedulers"),
            ("list", "", "pods"),
            ("create", "", "events"),
            ("get", "", "persistentvolumeclaims"),
        ]
        for verb, group, resource in asked:
            granted = {
                namespace: may(verb, group, resource, namespace)
                for namespace in (installation.served, installation.other, "")
            }
            assert granted == {installation.served: True, installation.other: False, "": False}
        assert may("list", GROUP, "plugins", "")
        assert not may("get", "", "secrets", installation.served)


def waited(kubeconfig: Path, where: str, seconds: int = 40) -> subprocess.CompletedProcess[str]:
    """What `helm test` runs, as a process."""
    program = Path(sys.executable).with_name("spark-await-fetch")
    return subprocess.run(
        [program, "--timeout-seconds", str(seconds), where],
        env={"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wait_of_helm_test_tells_a_success_from_a_failure(installation: Installation) -> None:
    kubeconfig, served = installation.kubeconfig, installation.served
    installation.make(served, "tested", QUICK)
    good = waited(kubeconfig, f"{served}/tested")
    assert (good.returncode, good.stderr) == (0, "")
    assert "rows with Job tested-" in good.stdout.splitlines()[-1]
    installation.make(served, "broken", fails(1, message="the service is down"))
    bad = waited(kubeconfig, f"{served}/broken")
    assert bad.returncode == 1
    assert "spark-await-fetch: BackingOff: " in bad.stderr
    assert "the service is down" in bad.stderr


def test_the_wait_of_helm_test_says_what_keeps_it_from_an_end(installation: Installation) -> None:
    missing = waited(installation.kubeconfig, f"{installation.served}/nowhere")
    assert missing.returncode == 1
    assert f"there is no Integration {installation.served}/nowhere" in missing.stderr
    where = f"{installation.other}/left-alone"
    refused = waited(installation.kubeconfig, where)
    assert refused.returncode == 1
    assert "403 Forbidden" in refused.stderr
    never = waited(installation.world.kubeconfig, where, seconds=2)
    assert never.returncode == 1
    assert never.stdout == "no replica of the operator has looked at it yet\n"
    assert "not fetched within 2 s" in never.stderr
