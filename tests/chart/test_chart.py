"""What Helm makes of the chart. No cluster, but the built helm: hence the marker."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.chart.support import BUNDLED, CHART, CRDS, OF_PROMETHEUS, RELEASED, SERVED, Run

pytestmark = pytest.mark.apiserver

Object = dict[str, Any]


def render(helm: Run, *options: str, name: str = "spark-integrations") -> list[Object]:
    """All of a release, without what `helm test` makes."""
    command = ("template", name, str(CHART), "--namespace", "apps", "--skip-tests")
    out = helm(*command, *options).stdout
    return [body for body in yaml.safe_load_all(out) if body]


def one(objects: list[Object], kind: str, name: str = "spark-integrations") -> Object:
    (found,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def container(objects: list[Object]) -> Object:
    (found,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_the_chart_passes_lint(helm: Run) -> None:
    helm("lint", "--strict", str(CHART))


def test_everything_namespaced_says_its_namespace(helm: Run) -> None:
    policies = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "Plugin", *policies}
    for body in render(helm):
        expected = None if body["kind"] in cluster_wide else "apps"
        assert body["metadata"].get("namespace") == expected


def test_the_operator_is_told_its_scheduler_lease_and_runner_image(helm: Run) -> None:
    objects = render(helm)
    assert container(objects)["args"] == [
        "--scheduler=apps/spark-integrations",
        "--lease=apps/spark-integrations",
        f"--runner-image=registry.spark-integrations.dev/runner:{RELEASED}",
        "--health-port=8080",
        "--metrics-port=8081",
        "--log-format=json",
        "--log-level=info",
    ]
    assert one(objects, "Scheduler")["metadata"]["namespace"] == "apps"
    (variable,) = container(objects)["env"]
    assert variable["name"] == "POD_NAME"
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_the_names_follow_the_release(helm: Run) -> None:
    objects = render(helm, name="blue")
    deployment = one(objects, "Deployment", "blue-spark-integrations")
    (box,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "--scheduler=apps/blue-spark-integrations" in box["args"]
    assert "--lease=apps/blue-spark-integrations" in box["args"]
    one(objects, "Scheduler", "blue-spark-integrations")
    rules = one(objects, "Role", "blue-spark-integrations")["rules"]
    assert {n for rule in rules for n in rule.get("resourceNames", [])} == {
        "blue-spark-integrations"
    }


def test_names_that_yaml_takes_for_something_else_stay_names(helm: Run) -> None:
    command = ("template", "true", str(CHART), "--namespace", "1", "--skip-tests")
    out = helm(*command, "--set-string", "serviceAccount.name=2")
    for body in yaml.safe_load_all(out.stdout):
        assert body["metadata"].get("namespace", "1") == "1"
        assert body["metadata"]["labels"]["app.kubernetes.io/instance"] == "true"
        for subject in body.get("subjects", []):
            assert (subject["name"], subject["namespace"]) == ("2", "1")


EVERYTHING = (
    *("metrics.serviceMonitor.enabled=true", "metrics.prometheusRule.enabled=true"),
    *("metrics.dashboard.enabled=true", "networkPolicy.enabled=true", "watchNamespaces={team-a}"),
)
LONGEST = "a" * 53
"""Helm admits no longer name of a release."""


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("blue.green", "blue-green-spark-integrations"),
        ("a" * 36, "a" * 36 + "-spark-integrations"),
        ("a" * 37, "a" * 37 + "-spark-integration"),
        (LONGEST, LONGEST + "-s"),
        ("spark-integrations" + "a" * 35, "spark-integrations" + "a" * 35),
        ("spark-integrations.9", "spark-integrations-9"),
    ],
)
def test_any_name_of_a_release_gives_names_that_the_api_server_takes(
    helm: Run, release: str, name: str
) -> None:
    words = [word for option in EVERYTHING for word in ("--set", option)]
    command = ("template", release, str(CHART), "--namespace", "apps")
    bodies = [b for b in yaml.safe_load_all(helm(*command, *words, *SERVED).stdout) if b]
    one(bodies, "Deployment", name)
    for body in bodies:
        called = body["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", called)
        # What is a host's name, or the value of a label, is held to less.
        held = body["kind"] in {"Service", "Deployment", "Pod", "Integration", "Scheduler"}
        assert len(called) <= (63 if held else 253)


def test_a_name_of_a_release_that_no_service_can_have_is_refused_in_a_sentence(helm: Run) -> None:
    refused = helm("template", "1st", str(CHART), check=False)
    assert refused.returncode != 0
    assert "the release cannot be called 1st: " in refused.stderr
    assert "begins with a letter. Install it under another name" in refused.stderr


def test_two_replicas_run_and_stop_within_ten_seconds(helm: Run) -> None:
    deployment = one(render(helm), "Deployment")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 10


def test_the_probes_ask_the_health_port(helm: Run) -> None:
    box = container(render(helm))
    assert box["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert box["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert {"name": "health", "containerPort": 8080} in box["ports"]
    assert "--health-port=8080" in box["args"]


# ------------------------------------------------------------------ values


def test_every_value_is_documented_and_known_to_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    assert set(schema["required"]) == set(values)


DIGEST = "sha256:" + "0" * 64
OPTIONS: list[tuple[str, str, Any]] = [
    ("replicaCount=3", "/Deployment/spec/replicas", 3),
    ("image.operator.repository=r/o", "/container/image", f"r/o:{RELEASED}"),
    ("image.operator.tag=t", "/container/image", "registry.spark-integrations.dev/operator:t"),
    (
        f"image.operator.digest={DIGEST}",
        "/container/image",
        f"registry.spark-integrations.dev/operator:{RELEASED}@{DIGEST}",
    ),
    ("image.operator.pullPolicy=Never", "/container/imagePullPolicy", "Never"),
    ("image.runner.repository=r/r", "/container/args/2", f"--runner-image=r/r:{RELEASED}"),
    (
        "image.runner.tag=t",
        "/container/args/2",
        "--runner-image=registry.spark-integrations.dev/runner:t",
    ),
    (
        f"image.runner.digest={DIGEST}",
        "/container/args/2",
        f"--runner-image=registry.spark-integrations.dev/runner:{RELEASED}@{DIGEST}",
    ),
    ("log.format=text", "/container/args/5", "--log-format=text"),
    ("log.level=debug", "/container/args/6", "--log-level=debug"),
    ("resources.limits.memory=1Gi", "/container/resources/limits/memory", "1Gi"),
    ("resources.requests.cpu=1", "/container/resources/requests/cpu", 1),
    ("serviceAccount.name=me", "/Deployment/spec/template/spec/serviceAccountName", "me"),
    ("serviceAccount.annotations.a=b", "/ServiceAccount/metadata/annotations/a", "b"),
    ("imagePullSecrets[0].name=registry", "/pod/imagePullSecrets/0/name", "registry"),
    ("priorityClassName=first", "/pod/priorityClassName", "first"),
    ("nodeSelector.disk=ssd", "/pod/nodeSelector/disk", "ssd"),
    ("tolerations[0].key=dedicated", "/pod/tolerations/0/key", "dedicated"),
    ("affinity.nodeAffinity.a=b", "/pod/affinity", {"nodeAffinity": {"a": "b"}}),
    ("topologySpreadConstraints[0].maxSkew=3", "/pod/topologySpreadConstraints", [{"maxSkew": 3}]),
    ("podLabels.team=data", "/Deployment/spec/template/metadata/labels/team", "data"),
    ("podAnnotations.a=b", "/Deployment/spec/template/metadata/annotations/a", "b"),
    ("podDisruptionBudget.maxUnavailable=50%", "/PodDisruptionBudget/spec/maxUnavailable", "50%"),
    ("watchNamespaces={team-a}", "/container/args/7", "--watch-namespace=apps"),
    ("watchNamespaces={team-a}", "/container/args/8", "--watch-namespace=team-a"),
    ("scheduler.spec.suspend=true", "/Scheduler/spec/suspend", True),
    ("scheduler.spec.maxConcurrentFetches=7", "/Scheduler/spec/maxConcurrentFetches", 7),
    ("scheduler.spec.history.failed=9", "/Scheduler/spec/history/failed", 9),
    ("scheduler.spec.destination.type=duckdb", "/Scheduler/spec/destination/type", "duckdb"),
    ("scheduler.spec.podTemplate.labels.a=b", "/Scheduler/spec/podTemplate/labels/a", "b"),
]


@pytest.mark.parametrize(("option", "path", "value"), OPTIONS)
def test_a_value_arrives_where_it_belongs(helm: Run, option: str, path: str, value: Any) -> None:
    objects = render(helm, "--set", option)
    first, *rest = path.strip("/").split("/")
    found: Any
    if first == "container":
        found = container(objects)
    elif first == "pod":
        found = one(objects, "Deployment")["spec"]["template"]["spec"]
    else:
        found = one(objects, first)
    for key in rest:
        found = found[int(key)] if isinstance(found, list) else found[key]
    assert found == value


@pytest.mark.parametrize(
    "option",
    [
        "replicas=2",
        "replicaCount=two",
        "replicaCount=-1",
        "image.operator.repo=x",
        "image.operator.repository=",
        "image.operator.digest=abc",
        "image.operator.pullPolicy=Sometimes",
        "image.runner.pullPolicy=Always",
        "log.format=xml",
        "log.level=loud",
        "metrics.enabled=true",
        "metrics.serviceMonitor.interval=soon",
        "metrics.prometheusRule.runbook=",
        "metrics.dashboard.labels=x",
        "resources.limit.cpu=1",
        "serviceAccount.create=maybe",
        "rbac.enabled=true",
        "admissionPolicy.create=true",
        "admissionPolicy.images=runner",
        "scheduler.suspend=true",
        "scheduler.spec.suspended=true",
        "plugins.enable=false",
        "crds.keep=false",
        "watchNamespaces=team-a",
        "watchNamespaces={Team_A}",
        "watchNamespaces={team-a,team-a}",
        "imagePullSecrets={registry}",
        "podLabels.app\\.kubernetes\\.io/name=mine",
        "podDisruptionBudget.maxUnavailable=0",
        "podDisruptionBudget.minAvailable=1",
        "networkPolicy.apiServerPorts={}",
        "networkPolicy.apiServerPorts={https}",
        "rbac.aggregate=maybe",
        "test.timeoutSeconds=5",
        "test.integration.mode=check",
        "test.integration.config.latitude=1",
        "image.operator.repository=r/o:1.0",
        "image.runner.repository=host:5000",
        "image.runner.repository=r/o@sha256",
        "image.operator.repository=R/O",
        "image.operator.repository=r//o",
        "test.claim.storage=",
        "test.claim.storage=0",
        "test.claim.storage=100MB",
        "test.claim.storage=-1Gi",
        "serviceAccount.name=A_b",
        "serviceAccount.name=-a",
        "serviceAccount.annotations.a b=c",
        "podLabels.a b=c",
        "podLabels.a=b c",
        "podLabels./a=b",
        "podAnnotations.a b=c",
        "nodeSelector.a b=c",
        "metrics.serviceMonitor.labels.app\\.kubernetes\\.io/name=mine",
        "metrics.prometheusRule.labels.helm\\.sh/chart=mine",
        "metrics.dashboard.labels.app\\.kubernetes\\.io/instance=mine",
    ],
)
def test_a_mistyped_value_is_refused(helm: Run, option: str) -> None:
    result = helm("template", "x", str(CHART), "--set", option, check=False)
    assert result.returncode != 0
    assert "values don't meet the specifications of the schema" in result.stderr


@pytest.mark.parametrize(
    "option",
    [
        "image.operator.repository=operator",
        "image.operator.repository=localhost:5000/a_b/c.d/e--f__g",
        "image.operator.repository=registry.EXAMPLE.com/operator",
        "test.claim.storage=1",
        "test.claim.storage=0.5Gi",
        "test.claim.storage=10G",
        "serviceAccount.name=a.b-c.9",
        "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/a b",
        "podLabels.example\\.com/A_b\\.c=D_e-f.g",
        "podLabels.empty=",
        "podAnnotations.a=b c",
        "metrics.dashboard.labels.grafana_dashboard=null",
    ],
)
def test_a_value_that_kubernetes_takes_is_accepted(helm: Run, option: str) -> None:
    # One of its own: a value that is not quoted well shows where it is rendered.
    words = ("--set", "metrics.dashboard.enabled=true", "--set", option)
    out = helm("template", "x", str(CHART), *words).stdout
    assert all(body["kind"] for body in yaml.safe_load_all(out) if body)


def test_what_is_turned_off_is_not_made(helm: Run) -> None:
    off = (
        "admissionPolicy.enabled=false",
        "rbac.create=false",
        "serviceAccount.create=false",
        "plugins.enabled=false",
        "metrics.service.enabled=false",
        "podDisruptionBudget.enabled=false",
    )
    objects = render(helm, *(word for option in off for word in ("--set", option)))
    assert {body["kind"] for body in objects} == {"Deployment", "Scheduler"}
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "default"


def test_two_replicas_prefer_different_nodes_and_zones_and_insist_on_neither(helm: Run) -> None:
    objects = render(helm)
    pod = one(objects, "Deployment")["spec"]["template"]
    (term,) = pod["spec"]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    for selector in (term["podAffinityTerm"]["labelSelector"], spread["labelSelector"]):
        assert selector["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert (
            selector["matchLabels"] == one(objects, "Deployment")["spec"]["selector"]["matchLabels"]
        )


@pytest.mark.parametrize(("replicas", "made"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_a_disruption_budget_is_made_where_a_replica_can_be_spared(
    helm: Run, replicas: int, made: int
) -> None:
    objects = render(helm, "--set", f"replicaCount={replicas}")
    budgets = [body for body in objects if body["kind"] == "PodDisruptionBudget"]
    assert len(budgets) == made
    for budget in budgets:
        labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert budget["spec"]["maxUnavailable"] == 1


def test_the_network_policy_lets_through_what_the_operator_listens_to_and_asks(helm: Run) -> None:
    assert "NetworkPolicy" not in {body["kind"] for body in render(helm)}
    objects = render(
        helm,
        *("--set", "networkPolicy.enabled=true", "--set", "networkPolicy.apiServerPorts={8443}"),
    )
    policy = one(objects, "NetworkPolicy")["spec"]
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]

    def ports(rules: list[Object]) -> list[int]:
        return [port["port"] for rule in rules for port in rule["ports"]]

    assert ports(policy["ingress"]) == [p["containerPort"] for p in container(objects)["ports"]]
    probes, metrics = policy["ingress"]
    assert "from" not in probes
    assert metrics["from"] == [{"namespaceSelector": {}}]
    assert ports(policy["egress"]) == [53, 53, 8443]
    assert not [rule for rule in policy["egress"] if "to" in rule]
    nobody = render(
        helm, "--set", "networkPolicy.enabled=true", "--set-json", "networkPolicy.metricsFrom=[]"
    )
    assert ports(one(nobody, "NetworkPolicy")["spec"]["ingress"]) == [8080]


def test_what_helm_test_makes_is_removed_again_and_found_by_no_selector_of_ours(helm: Run) -> None:
    out = helm("template", "spark-integrations", str(CHART), "--namespace", "apps").stdout
    everything = [body for body in yaml.safe_load_all(out) if body]
    tests = [
        body
        for body in everything
        if body["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"
    ]
    assert sorted(body["kind"] for body in tests) == sorted(
        [
            *("Integration", "Integration", "PersistentVolumeClaim", "Pod"),
            *("Role", "RoleBinding", "ServiceAccount"),
        ]
    )
    chosen = one(everything, "Deployment")["spec"]["selector"]["matchLabels"]
    for body in tests:
        annotations = body["metadata"]["annotations"]
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        assert not chosen.items() <= body["metadata"]["labels"].items()
    role = one(tests, "Role", "spark-integrations-test")
    assert rules(role) == [
        ("spark-integrations.dev/integrations", ("get",), ("spark-integrations-test",), ())
    ]


@pytest.mark.parametrize(("kind", "there"), [*zip(OF_PROMETHEUS, SERVED, strict=True)])
def test_what_needs_the_prometheus_operator_is_refused_where_it_is_not(
    helm: Run, kind: str, there: str
) -> None:
    asked = f"metrics.{kind[0].lower()}{kind[1:]}.enabled"
    command = ("template", "x", str(CHART), "--set", f"{asked}=true")
    refused = helm(*command, check=False)
    assert refused.returncode != 0
    assert f"{asked}: this cluster does not serve" in refused.stderr
    assert there.replace("=", " ") in refused.stderr
    assert f"kind: {kind}" in helm(*command, there).stdout


def test_the_annotations_for_artifact_hub_name_what_the_chart_has(helm: Run) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    prefix = "artifacthub.io/"
    told = {
        key.removeprefix(prefix): yaml.safe_load(value)
        for key, value in chart["annotations"].items()
        if key.startswith(prefix)
    }
    box = container(render(helm))
    runner = next(word for word in box["args"] if word.startswith("--runner-image="))
    assert [image["image"] for image in told["images"]] == [
        box["image"],
        runner.removeprefix("--runner-image="),
    ]
    crds = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    assert [(c["kind"], c["version"], c["name"]) for c in told["crds"]] == [
        (b["spec"]["names"]["kind"], b["spec"]["versions"][0]["name"], b["metadata"]["name"])
        for b in crds
    ]
    (example,) = told["crdsExamples"]
    plugin = one(render(helm), "Plugin", example["spec"]["service"])
    jsonschema.validate(example["spec"]["config"], plugin["spec"]["configSchema"])
    assert told["changes"]
    assert told["links"]
    assert told["category"] == "integration-delivery"
    assert told["prerelease"] is (chart["version"].startswith("0.") or "-" in chart["version"])


def test_each_file_of_a_plugin_becomes_a_plugin(helm: Run, tmp_path: Path) -> None:
    chart = tmp_path / "spark-integrations"
    shutil.copytree(CHART, chart)
    spec = {"title": "Ours", "configSchema": {"type": "object", "properties": {"a": {"$ref": "#"}}}}
    body = {"apiVersion": "spark-integrations.dev/v1", "kind": "Plugin"}
    body |= {"metadata": {"name": "ours"}, "spec": spec}
    (chart / "files" / "plugins").mkdir(exist_ok=True)
    (chart / "files" / "plugins" / "ours.yaml").write_text("# A comment.\n" + yaml.safe_dump(body))
    out = helm("template", "x", str(chart)).stdout
    made = one([o for o in yaml.safe_load_all(out) if o], "Plugin", "ours")
    assert made["spec"] == spec
    assert made["metadata"]["labels"]["app.kubernetes.io/instance"] == "x"


def test_what_is_overridden_of_a_plugin_counts_and_all_else_is_as_it_was(helm: Run) -> None:
    before = {o["metadata"]["name"]: o for o in render(helm) if o["kind"] == "Plugin"}
    options = (
        "maxConcurrentFetches=3",
        "writesCredentials=true",
        "egressHosts={*.shop.svc,10.0.0.0/8}",
    )
    found = render(
        helm, *(word for o in options for word in ("--set", f"plugins.overrides.rest.{o}"))
    )
    after = {o["metadata"]["name"]: o for o in found if o["kind"] == "Plugin"}
    before["rest"]["spec"] |= {
        "maxConcurrentFetches": 3,
        "writesCredentials": True,
        "egressHosts": ["*.shop.svc", "10.0.0.0/8"],
    }
    assert after == before


def test_an_override_of_a_plugin_that_is_not_there_is_refused(helm: Run) -> None:
    option = "plugins.overrides.rset.maxConcurrentFetches=3"
    refused = helm("template", "x", str(CHART), "--set", option, check=False)
    assert refused.returncode != 0
    assert "there is no bundled Plugin rset" in refused.stderr


def test_the_bundled_plugins_are_in_the_chart(helm: Run) -> None:
    names = {b["metadata"]["name"] for b in render(helm) if b["kind"] == "Plugin"}
    assert names == BUNDLED


def test_the_crds_are_upgraded_by_helm_4_and_can_be_left_alone(helm: Run) -> None:
    def crds(*options: str) -> list[Object]:
        return [b for b in render(helm, *options) if b["kind"] == "CustomResourceDefinition"]

    assert crds() == []
    hooks = crds("--is-upgrade")
    assert len(hooks) == len(list(CRDS.glob("*.yaml"))) == 3
    for hook in hooks:
        assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
        plain = yaml.safe_load((CRDS / f"{hook['metadata']['name']}.yaml").read_text())
        assert hook["spec"] == plain["spec"]
    assert crds("--is-upgrade", "--set", "crds.upgrade=false") == []


def test_every_crd_asks_to_be_kept() -> None:
    for path in CRDS.glob("*.yaml"):
        body = yaml.safe_load(path.read_text())
        assert body["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


# ------------------------------------------------------------------ rights


def test_the_admission_policy_follows_the_account(helm: Run) -> None:
    def users(*options: str) -> set[str]:
        return {
            condition["expression"].partition(" == ")[2].strip('"')
            for body in render(helm, *options)
            if body["kind"] == "ValidatingAdmissionPolicy"
            for condition in body["spec"]["matchConditions"]
        }

    account = "system:serviceaccount:apps:"
    assert users() == {account + "spark-integrations"}
    assert users("--set", "serviceAccount.name=mine") == {account + "mine"}
    assert users("--set", "serviceAccount.create=false") == {account + "default"}


def rules(body: Object) -> list[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    return [
        (
            f"{rule['apiGroups'][0]}/{resource}",
            tuple(rule["verbs"]),
            tuple(rule.get("resourceNames", ())),
            tuple(rule["apiGroups"][1:]),
        )
        for rule in body["rules"]
        for resource in rule["resources"]
    ]


def test_the_operator_has_these_rights_and_no_others(helm: Run) -> None:
    objects = render(helm)
    group, mine = "spark-integrations.dev", ("spark-integrations",)
    assert sorted(rules(one(objects, "ClusterRole"))) == sorted(
        [
            (f"{group}/integrations", ("get", "list", "watch"), (), ()),
            (f"{group}/plugins", ("list", "watch"), (), ()),
            (f"{group}/schedulers", ("list", "watch"), (), ()),
            (f"{group}/integrations/status", ("patch",), (), ()),
            ("batch/jobs", ("create", "get", "list", "watch", "delete"), (), ()),
            ("/pods", ("list",), (), ()),
            ("/persistentvolumeclaims", ("get",), (), ()),
            ("/events", ("create",), (), ()),
        ]
    )
    assert sorted(rules(one(objects, "Role"))) == sorted(
        [
            ("coordination.k8s.io/leases", ("create",), (), ()),
            ("coordination.k8s.io/leases", ("get", "update"), mine, ()),
            (f"{group}/schedulers/status", ("patch",), mine, ()),
        ]
    )
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        binding = one(objects, kind)
        assert binding["roleRef"]["kind"] == kind.removesuffix("Binding")
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "spark-integrations", "namespace": "apps"}
        ]


def test_held_to_some_namespaces_the_operator_reads_plugins_of_the_cluster_and_nothing_else(
    helm: Run,
) -> None:
    objects = render(helm, "--set", "watchNamespaces={team-a,team-b}")
    seen = ("list", "watch")
    assert rules(one(objects, "ClusterRole")) == [("spark-integrations.dev/plugins", seen, (), ())]
    everywhere = rules(one(render(helm), "ClusterRole"))
    served = [body for body in objects if body["metadata"]["name"] == "spark-integrations-served"]
    for kind in ("Role", "RoleBinding"):
        namespaces = [b["metadata"]["namespace"] for b in served if b["kind"] == kind]
        assert namespaces == ["apps", "team-a", "team-b"]
    for body in served:
        if body["kind"] == "Role":
            missing = set(everywhere) - set(rules(body))
            assert missing == {("spark-integrations.dev/plugins", seen, (), ())}
            assert set(rules(body)) < set(everywhere)
        else:
            assert body["roleRef"]["name"] == "spark-integrations-served"
            assert [subject["namespace"] for subject in body["subjects"]] == ["apps"]
    # In its own namespace it leads, as ever.
    assert rules(one(objects, "Role")) == rules(one(render(helm), "Role"))
    bound = [b["roleRef"]["name"] for b in objects if b["kind"] == "ClusterRoleBinding"]
    assert bound == ["spark-integrations"]


def test_the_roles_of_users_can_be_left_to_another_release(helm: Run) -> None:
    names = {
        body["metadata"]["name"]
        for body in render(helm, "--set", "rbac.aggregate=false")
        if body["kind"] == "ClusterRole"
    }
    assert names == {"spark-integrations"}


def test_no_role_has_a_verb_on_secrets_or_a_wildcard(helm: Run) -> None:
    for body in render(helm):
        for rule in body.get("rules", []):
            assert not {"secrets", "*"} & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}


def test_users_get_their_rights_by_aggregation(helm: Run) -> None:
    objects = render(helm)
    prefix = "rbac.authorization.k8s.io/aggregate-to-"

    def role(name: str) -> tuple[set[str], list[Any]]:
        body = one(objects, "ClusterRole", f"spark-integrations-{name}")
        labels = body["metadata"]["labels"]
        return {k.removeprefix(prefix) for k in labels if k.startswith(prefix)}, rules(body)

    group = "spark-integrations.dev"
    seen = ("get", "list", "watch")
    assert role("view") == (
        {"view", "edit", "admin"},
        [
            (f"{group}/{resource}", seen, (), ())
            for resource in ("integrations", "plugins", "schedulers")
        ],
    )
    assert role("edit") == (
        {"edit", "admin"},
        [(f"{group}/integrations", ("create", "update", "patch", "delete"), (), ())],
    )
