"""Installing, upgrading and removing on a real API server that has never heard of our kinds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev.cluster import Cluster
from dev.toolchain import Toolchain
from dev.waiting import until
from kubernetes import client
from tests.chart.support import BUNDLED, CHART, CRDS, GROUP, ROOT, Server
from tests.support.pages import blocks

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

NAME = "spark-integrations"
IN = ("--namespace", NAME)


def objects(server: Server, *arguments: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(
        server.kubectl("get", *arguments, "-o", "json").stdout
    )["items"]
    return items


def crd_uids(server: Server) -> dict[str, str]:
    found = {o["metadata"]["name"]: o["metadata"]["uid"] for o in objects(server, "crd")}
    return {name: uid for name, uid in found.items() if name.endswith(GROUP)}


@pytest.fixture
def bare() -> Iterator[Server]:
    """A new API server for each test: it takes seconds, and deleting CRDs from one that several
    tests use can take a minute longer than the server admits."""
    cluster = Cluster(f"chart-{os.getpid()}", kubeless=True, tmpfs=True, dies_with_caller=True)
    try:
        cluster.up()
        server = Server(cluster.kubeconfig)
        for namespace in (NAME, "team-a"):
            server.kubectl("create", "namespace", namespace)
        yield server
    finally:
        cluster.down()


@pytest.fixture
def installed(bare: Server) -> Server:
    bare.helm("install", NAME, str(CHART), *IN)
    return bare


def with_a_new_field(chart: Path, field: str = "later") -> Path:
    """The chart of a later version, whose Scheduler knows one field more."""
    shutil.copytree(CHART, chart)
    path = chart / "crds" / f"schedulers.{GROUP}.yaml"
    crd = yaml.safe_load(path.read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"][field] = {"type": "string", "maxLength": 9}
    path.write_text(yaml.safe_dump(crd))
    values = json.loads((chart / "values.schema.json").read_text())
    values["properties"]["scheduler"]["properties"]["spec"]["properties"][field] = {}
    (chart / "values.schema.json").write_text(json.dumps(values))
    return chart


def scheduler(server: Server) -> dict[str, Any]:
    (found,) = objects(server, "schedulers", *IN)
    return found


def test_one_command_installs_everything_on_a_cluster_without_our_kinds(bare: Server) -> None:
    assert crd_uids(bare) == {}
    bare.helm("install", NAME, str(CHART), *IN)
    assert len(crd_uids(bare)) == 3
    assert scheduler(bare)["spec"]["maxConcurrentFetches"] == 50
    assert {o["metadata"]["name"] for o in objects(bare, "plugins")} == BUNDLED
    assert [o["metadata"]["name"] for o in objects(bare, "deployments", *IN)] == [NAME]


def test_an_upgrade_brings_the_crds_along_before_what_uses_them(
    installed: Server, tmp_path: Path
) -> None:
    before = crd_uids(installed)
    chart = with_a_new_field(tmp_path / "chart")
    installed.helm("upgrade", NAME, str(chart), *IN, "--set", "scheduler.spec.later=yes")
    assert scheduler(installed)["spec"]["later"] == "yes"
    assert crd_uids(installed) == before, "a CRD was made anew: every Integration would be gone"


def test_a_rollback_keeps_the_crds(installed: Server, tmp_path: Path) -> None:
    before = crd_uids(installed)
    chart = with_a_new_field(tmp_path / "chart")
    installed.helm("upgrade", NAME, str(chart), *IN)
    installed.helm("rollback", NAME, "1", *IN)
    assert crd_uids(installed) == before


def test_an_upgrade_can_leave_the_crds_alone(installed: Server, tmp_path: Path) -> None:
    chart = with_a_new_field(tmp_path / "chart")
    options = ("--set", "crds.upgrade=false", "--set", "scheduler.spec.maxConcurrentFetches=7")
    installed.helm("upgrade", NAME, str(chart), *IN, *options)
    assert scheduler(installed)["spec"]["maxConcurrentFetches"] == 7
    explained = installed.kubectl("explain", "scheduler.spec.later", check=False)
    assert "does not exist" in explained.stderr


def test_what_was_changed_by_hand_is_never_undone_without_a_word(installed: Server) -> None:
    upgrade = ("upgrade", NAME, str(CHART), *IN, "--reset-then-reuse-values")
    pause, limit = '{"spec":{"suspend":true}}', '{"spec":{"maxConcurrentFetches":3}}'
    installed.kubectl("patch", "scheduler", NAME, *IN, "--type=merge", "-p", pause)
    installed.helm(*upgrade)
    assert scheduler(installed)["spec"]["suspend"] is True

    installed.kubectl("patch", "plugin", "rest", "--type=merge", "-p", limit)
    refused = installed.helm(*upgrade, check=False)
    assert 'conflict with "kubectl-patch"' in refused.stderr
    installed.helm(*upgrade, "--force-conflicts")

    overridden = ("--set", "plugins.overrides.rest.maxConcurrentFetches=3")
    installed.helm(*upgrade, *overridden)
    installed.helm(*upgrade)
    (rest,) = (o for o in objects(installed, "plugins") if o["metadata"]["name"] == "rest")
    assert rest["spec"]["maxConcurrentFetches"] == 3


def test_removing_leaves_the_kinds_and_the_integrations_and_nothing_else(installed: Server) -> None:
    before = crd_uids(installed)
    installed.create("Integration", {"service": "rest"}, namespace="team-a", dry_run=False)
    installed.helm("uninstall", NAME, *IN, "--wait", "--timeout", "30s")

    assert crd_uids(installed) == before
    assert len(objects(installed, "integrations", "--namespace", "team-a")) == 1
    gone = "deployments,pods,schedulers,roles,rolebindings,poddisruptionbudgets"
    assert objects(installed, gone, *IN) == []
    label = f"app.kubernetes.io/name={NAME}"
    assert objects(installed, "plugins,clusterroles,clusterrolebindings", "-l", label) == []

    installed.helm("install", NAME, str(CHART), *IN)
    assert crd_uids(installed) == before
    assert len(objects(installed, "integrations", "--namespace", "team-a")) == 1


def test_the_manifests_install_once_the_crds_are_there(bare: Server) -> None:
    # In one command with the CRDs, kubectl meets kinds that are not served yet, now and then.
    bare.install_crds()
    bare.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests" / "install.yaml"))
    assert scheduler(bare)["spec"]["maxConcurrentFetches"] == 50
    assert [o["metadata"]["name"] for o in objects(bare, "deployments", *IN)] == [NAME]


def test_the_operators_pod_is_admitted_where_pod_security_is_restricted(installed: Server) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    installed.kubectl("label", "namespace", NAME, label)
    (deployment,) = objects(installed, "deployments", *IN)
    template = deployment["spec"]["template"]
    (box,) = template["spec"]["containers"]
    assert box["securityContext"]["readOnlyRootFilesystem"] is True
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }
    installed.kubectl("create", "--dry-run=server", *IN, "-f", "-", stdin=json.dumps(pod))


OPERATOR = f"system:serviceaccount:{NAME}:{NAME}"
MAY: list[tuple[str, str, str, bool]] = [
    ("create", "jobs.batch", "team-a", True),
    ("delete", "jobs.batch", "team-a", True),
    ("patch", "jobs.batch", "team-a", False),
    ("watch", f"integrations.{GROUP}", "team-a", True),
    ("patch", f"integrations.{GROUP}/status", "team-a", True),
    ("patch", f"integrations.{GROUP}", "team-a", False),
    ("update", f"integrations.{GROUP}/status", "team-a", False),
    ("delete", f"integrations.{GROUP}", "team-a", False),
    ("patch", f"schedulers.{GROUP}/status/{NAME}", NAME, True),
    ("patch", f"schedulers.{GROUP}/status", "team-a", False),
    ("list", "pods", "team-a", True),
    ("delete", "pods", "team-a", False),
    ("get", "persistentvolumeclaims", "team-a", True),
    ("create", "events", "team-a", True),
    ("create", "leases.coordination.k8s.io", NAME, True),
    ("update", f"leases.coordination.k8s.io/{NAME}", NAME, True),
    ("update", "leases.coordination.k8s.io/another", NAME, False),
    ("create", "leases.coordination.k8s.io", "kube-system", False),
    ("get", "secrets", "team-a", False),
    ("list", "secrets", NAME, False),
    ("watch", "secrets", "kube-system", False),
    ("list", "namespaces", "", False),
    ("list", "customresourcedefinitions.apiextensions.k8s.io", "", False),
]


def may(server: Server, user: str, verb: str, resource: str, namespace: str) -> bool:
    """Ask the API server itself."""
    name, _, rest = resource.partition("/")
    resource, _, group = name.partition(".")
    known = rest.split("/") if rest else []
    attributes = {"verb": verb, "resource": resource, "group": group, "namespace": namespace}
    if known and known[0] == "status":
        attributes["subresource"] = known.pop(0)
    if known:
        attributes["name"] = known[0]
    body = {"spec": {"user": user, "resourceAttributes": attributes}}
    answer = client.AuthorizationV1Api(server.api).create_subject_access_review(body)
    return bool(answer.status.allowed)


def test_the_api_server_grants_the_operator_what_it_needs_and_no_secret(installed: Server) -> None:
    granted = [(*row[:3], may(installed, OPERATOR, *row[:3])) for row in MAY]
    assert granted == MAY


def test_view_reads_integrations_and_edit_and_admin_write_their_spec(installed: Server) -> None:
    integrations = f"integrations.{GROUP}"
    for role in ("view", "edit", "admin"):
        arguments = (f"--clusterrole={role}", f"--user={role}-user", "--namespace=team-a")
        installed.kubectl("create", "rolebinding", role, *arguments)

    def verbs(role: str, resource: str) -> set[str]:
        asked = ("get", "list", "create", "update", "patch", "delete")
        return {v for v in asked if may(installed, f"{role}-user", v, resource, "team-a")}

    # The controller that aggregates roles works a moment later.
    written = {"get", "list", "create", "update", "patch", "delete"}
    until(lambda: verbs("view", integrations) == {"get", "list"}, 30, "view reads Integrations")
    until(lambda: verbs("edit", integrations) == written, 30, "edit writes Integrations")
    until(lambda: verbs("admin", integrations) == written, 30, "admin writes Integrations")
    for role in ("view", "edit", "admin"):
        assert verbs(role, f"{integrations}/status") == set()


# ------------------------------------------------------------------ as docs/operating.md says it

PAGE = ROOT / "docs" / "operating.md"
HANDED_OVER = "kubectl apply --server-side --force-conflicts --field-manager=helm -f "


def hand_over(server: Server, chart: Path) -> None:
    """The CRDs of a chart to Helm, by the command of the page."""
    assert HANDED_OVER in PAGE.read_text()
    server.kubectl(*HANDED_OVER.split()[1:], str(chart / "crds"))


@pytest.mark.parametrize(
    "option", [("--server-side=true",), ("--set", "crds.upgrade=false")], ids=["moved", "left"]
)
def test_a_release_that_was_applied_client_side_is_upgraded_as_documented(
    bare: Server, tmp_path: Path, option: tuple[str, ...]
) -> None:
    """As Helm 3 leaves a release behind."""
    bare.helm("install", NAME, str(CHART), *IN, "--server-side=false")
    before = crd_uids(bare)
    chart = with_a_new_field(tmp_path / "chart")
    upgrade = ("upgrade", NAME, str(chart), *IN, "--reset-then-reuse-values")
    refused = bare.helm(*upgrade, check=False)
    assert "already exists" in refused.stderr

    hand_over(bare, chart)
    changed = ("--set", "replicaCount=3", "--set", "scheduler.spec.later=yes")
    bare.helm(*upgrade, *changed, *option)
    assert scheduler(bare)["spec"]["later"] == "yes"
    (deployment,) = objects(bare, "deployments", *IN)
    assert deployment["spec"]["replicas"] == 3
    # From then on it takes nothing more.
    bare.helm(*upgrade)
    assert crd_uids(bare) == before


def test_crds_of_kubectl_are_upgraded_by_helm_once_they_are_handed_over(
    bare: Server, tmp_path: Path
) -> None:
    bare.kubectl("apply", "--server-side", "-f", str(CRDS))
    first = with_a_new_field(tmp_path / "first", "first")
    refused = bare.helm("install", NAME, str(first), *IN, check=False)
    assert 'conflict with "kubectl": .spec.versions' in refused.stderr

    bare.helm("install", NAME, str(first), *IN, "--skip-crds")
    upgrade = ("upgrade", NAME, str(first), *IN, "--reset-then-reuse-values")
    refused = bare.helm(*upgrade, "--force-conflicts", check=False)
    assert 'conflict with "kubectl": .spec.versions' in refused.stderr
    bare.helm(*upgrade, "--set", "crds.upgrade=false")

    hand_over(bare, first)
    second = str(with_a_new_field(tmp_path / "second", "second"))
    told = ("--set", "crds.upgrade=true", "--set", "scheduler.spec.second=yes")
    bare.helm("upgrade", NAME, second, *IN, *told)
    assert scheduler(bare)["spec"]["second"] == "yes"


CLUSTER_WIDE = {
    *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Plugin"),
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
}


def test_who_has_rights_in_the_namespaces_alone_installs_what_an_administrator_prepared(
    bare: Server, tmp_path: Path
) -> None:
    (block,) = (b.text for b in blocks(PAGE, "sh") if "> administrator.yaml" in b.text)
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    path = f"{Toolchain().path('helm').parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": "/nonexistent"}
    subprocess.run(["bash", "-euc", block], cwd=tmp_path, env=environment, check=True)
    prepared, rest = (
        [body for body in yaml.safe_load_all((tmp_path / name).read_text()) if body]
        for name in ("administrator.yaml", "namespaced.yaml")
    )
    wide = {body["kind"] for body in prepared} & CLUSTER_WIDE
    assert wide == CLUSTER_WIDE - {"CustomResourceDefinition"}
    rights = {"Role", "RoleBinding"}
    assert {body["kind"] for body in prepared} - CLUSTER_WIDE == rights
    assert {body["kind"] for body in rest} & (CLUSTER_WIDE | rights) == set()

    (options,) = re.findall(r"--skip-tests .*?(--set \S+) > namespaced", block, re.S)
    (watched,) = re.findall(r"--set watchNamespaces=\S+(?=\")", block)
    words = (NAME, str(CHART), *IN, *watched.split(), *options.replace("\\\n", "").split())
    again = bare.helm("template", *words, "--is-upgrade").stdout
    assert {b["kind"] for b in yaml.safe_load_all(again) if b} & CLUSTER_WIDE == set()

    user = "installer"
    bare.kubectl("create", "namespace", "team-b")
    hand_over(bare, CHART)
    bare.kubectl("apply", "--server-side", "-f", str(tmp_path / "administrator.yaml"))
    for namespace in (NAME, "team-b"):
        where = ("--namespace", namespace)
        bare.kubectl("create", "rolebinding", user, "--clusterrole=admin", f"--user={user}", *where)
    schedulers = ("--verb=*", f"--resource=schedulers.{GROUP}")
    bare.kubectl("create", "role", user, *schedulers, *IN)
    bare.kubectl("create", "rolebinding", f"{user}-s", f"--role={user}", f"--user={user}", *IN)
    himself = f"--kube-as-user={user}"
    bare.helm("install", *words, "--skip-crds", himself)
    bare.helm("upgrade", *words, "--set", "replicaCount=3", himself)
    (deployment,) = objects(bare, "deployments", *IN)
    assert deployment["spec"]["replicas"] == 3
    assert {o["metadata"]["name"] for o in objects(bare, "plugins")} == BUNDLED
    assert may(bare, OPERATOR, "create", "jobs.batch", "team-b")
    assert not may(bare, OPERATOR, "create", "jobs.batch", "team-a")
