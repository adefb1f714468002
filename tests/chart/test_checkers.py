"""The chart under strangers' eyes: helm lint, kubeconform, kube-score, and Pod Security `restricted`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev.checkers import Checkers
from tests.chart import schemas
from tests.chart.support import CHART, OF_PROMETHEUS, ROOT, SERVED, Run, Server

pytestmark = pytest.mark.apiserver

HERE = Path(__file__).parent
SETS = sorted((HERE / "values").glob("*.yaml"))
EXCEPTIONS = yaml.safe_load((HERE / "policy-exceptions.yaml").read_text())
POLICY = ROOT / "manifests" / "policies" / "fetches.yaml"
each_set = pytest.mark.parametrize("values", SETS, ids=lambda path: path.stem)

Object = dict[str, Any]


def rendered(helm: Run, values: Path, namespace: str = "apps") -> str:
    options = ("--namespace", namespace, "--values", str(values), *SERVED)
    return helm("template", "spark-integrations", str(CHART), *options).stdout


def objects(text: str) -> list[Object]:
    return [body for body in yaml.safe_load_all(text) if body]


@pytest.fixture(scope="module")
def checkers() -> Checkers:
    built = Checkers()
    if not built.ready():
        pytest.skip("the checkers are not built: make checkers")
    return built


@pytest.fixture(scope="module")
def server(server: Server) -> Iterator[Server]:
    """With the namespaces that the sets name, where pods must be `restricted`."""
    names = [server.namespace, "served-a", "served-b"]
    for name in names[1:]:
        server.kubectl("create", "namespace", name)
    for name in names:
        server.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield server
    server.kubectl("delete", "namespace", *names[1:], "--wait=false")


@pytest.fixture(scope="module")
def location(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    return schemas.write(server.kubectl, tmp_path_factory.mktemp("schemas"))


@each_set
def test_helm_lint_finds_nothing(helm: Run, values: Path) -> None:
    result = helm("lint", "--strict", str(CHART), "--values", str(values))
    assert "[WARNING]" not in result.stdout
    assert "[ERROR]" not in result.stdout


# ------------------------------------------------------------------ kubeconform


def conform(checkers: Checkers, location: str, text: str) -> dict[str, Any]:
    skipped = ",".join(f"monitoring.coreos.com/v1/{kind}" for kind in OF_PROMETHEUS)
    options = ("-strict", "-summary", "-output", "json", "-skip", skipped)
    result = subprocess.run(
        [checkers.kubeconform, *options, "-schema-location", location, "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@each_set
def test_every_object_fits_the_schemas_of_kubernetes_and_of_our_kinds(
    helm: Run, checkers: Checkers, location: str, values: Path
) -> None:
    text = rendered(helm, values)
    answer = conform(checkers, location, text)
    assert answer["resources"] == []
    skipped = [body for body in objects(text) if body["kind"] in OF_PROMETHEUS]
    assert answer["summary"] == {
        "valid": len(objects(text)) - len(skipped),
        "invalid": 0,
        "errors": 0,
        "skipped": len(skipped),
    }


@pytest.mark.parametrize(
    "path",
    [ROOT / "manifests" / "install.yaml", POLICY],
    ids=lambda path: path.stem,
)
def test_every_manifest_fits_the_schemas(checkers: Checkers, location: str, path: Path) -> None:
    answer = conform(checkers, location, path.read_text())
    assert answer["resources"] == []
    assert answer["summary"]["valid"] == len(objects(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        ("Deployment", "replicas: 2", "replica: 2"),
        ("Deployment", "runAsUser: 65532", "runAsUser: nobody"),
        ("Scheduler", "spec:\n  {}", "spec: {maxConcurrentFetches: many}"),
        ("Plugin", "  maxConcurrentFetches: 5", "  maxConcurrentFetch: 5"),
        ("PodDisruptionBudget", "maxUnavailable: 1", "maxUnavailable: [1]"),
    ],
    ids=lambda change: f"{change[0]}: {change[2]}",
)
def test_the_schemas_find_what_is_wrong(
    helm: Run, checkers: Checkers, location: str, change: tuple[str, str, str]
) -> None:
    kind, right, wrong = change
    text = rendered(helm, HERE / "values" / "default.yaml")
    assert right in text
    found = conform(checkers, location, text.replace(right, wrong))["resources"]
    assert kind in {resource["kind"] for resource in found}


# ------------------------------------------------------------------ kube-score


def complaints(checkers: Checkers, text: str) -> list[tuple[str, str]]:
    """(check, what it says) for everything below the best grade."""
    optional = ("container-seccomp-profile", "container-ports-check")
    result = subprocess.run(
        [
            *(checkers.kube_score, "score", "-", "--output-format", "json"),
            *("--output-version", "v2", "--kubernetes-version", "v1.36"),
            *(word for test in optional for word in ("--enable-optional-test", test)),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout, result.stderr
    return [
        (check["check"]["id"], comment["summary"])
        for scored in json.loads(result.stdout)
        for check in scored["checks"]
        if not check["skipped"] and check["grade"] < 10
        for comment in check["comments"] or [{"summary": check["check"]["name"]}]
    ]


def explained(complaint: tuple[str, str]) -> bool:
    return any(e["check"] == complaint[0] and e["says"] in complaint[1] for e in EXCEPTIONS)


@each_set
def test_the_policy_scanner_finds_nothing_that_is_not_explained(
    helm: Run, checkers: Checkers, values: Path
) -> None:
    found = complaints(checkers, rendered(helm, values))
    assert [complaint for complaint in found if not explained(complaint)] == []


def test_every_exception_has_its_reason_and_is_needed(helm: Run, checkers: Checkers) -> None:
    found = [c for path in SETS for c in complaints(checkers, rendered(helm, path))]
    for exception in EXCEPTIONS:
        assert len(exception["because"]) > 40
        assert any(exception["check"] == c[0] and exception["says"] in c[1] for c in found)


def test_with_its_network_policy_the_operator_needs_no_exception_for_one(
    helm: Run, checkers: Checkers
) -> None:
    text = rendered(helm, HERE / "values" / "production.yaml")
    operator = "\n---\n".join(
        yaml.safe_dump(body)
        for body in objects(text)
        if body["kind"] in ("Deployment", "NetworkPolicy")
    )
    assert "pod-networkpolicy" not in {check for check, _ in complaints(checkers, operator)}


def test_the_policy_scanner_sees_a_pod_that_may_be_root(helm: Run, checkers: Checkers) -> None:
    text = rendered(helm, HERE / "values" / "default.yaml")
    worse = text.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    assert not all(explained(complaint) for complaint in complaints(checkers, worse))


# ------------------------------------------------------------------ the API server


@each_set
def test_the_api_server_takes_every_object_and_every_pod_where_only_restricted_ones_are(
    helm: Run, server: Server, values: Path
) -> None:
    bodies = objects(rendered(helm, values, server.namespace))
    here = ("--namespace", server.namespace)
    for body in bodies:
        if body["kind"] == "ServiceAccount":
            # Pods are asked about below, and the API server takes none without its account.
            server.kubectl("apply", *here, "-f", "-", stdin=yaml.safe_dump(body))
    ours = [body for body in bodies if body["kind"] not in OF_PROMETHEUS]
    dry = ("--dry-run=server", "-f", "-")
    server.kubectl("apply", "--validate=strict", *dry, stdin=yaml.safe_dump_all(ours))
    pods = [body for body in bodies if body["kind"] == "Pod"]
    for body in bodies:
        if body["kind"] == "Deployment":
            template = body["spec"]["template"]
            metadata = {**template["metadata"], "name": "probe"}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
            pods.append({**pod, "spec": template["spec"]})
    for pod in pods:
        server.kubectl("create", *here, *dry, stdin=yaml.safe_dump(pod))


def test_the_api_server_takes_the_example_of_a_network_policy(server: Server) -> None:
    arguments = ("--namespace", server.namespace, "--validate=strict", "--dry-run=server")
    server.kubectl("apply", *arguments, "-f", str(POLICY))


# ------------------------------------------------------------------ the README


def test_the_readme_is_what_values_and_template_make(checkers: Checkers, tmp_path: Path) -> None:
    """When this fails: `make manifests`."""
    command = [checkers.helm_docs, "--chart-search-root", "charts", "--dry-run"]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert made.strip() == (CHART / "README.md").read_text().strip()
