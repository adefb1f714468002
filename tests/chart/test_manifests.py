"""The rendered manifests and the examples."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dev.toolchain import Toolchain
from tests.chart.support import BUNDLED, CHART, ROOT, Server

MANIFESTS = ROOT / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples").glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [body for body in yaml.safe_load_all(path.read_text()) if body]


@pytest.mark.apiserver
def test_the_manifests_are_what_the_chart_renders(tmp_path: Path) -> None:
    """When this fails: run manifests/render.sh and commit what it writes."""
    environment = {**os.environ, "HELM": str(Toolchain().path("helm"))}
    subprocess.run([MANIFESTS / "render.sh", tmp_path], env=environment, check=True)
    assert (MANIFESTS / "install.yaml").read_text() == (tmp_path / "install.yaml").read_text()


def test_the_manifests_hold_the_namespace_first_and_claim_no_helm() -> None:
    first, *rest = documents(MANIFESTS / "install.yaml")
    assert first["kind"] == "Namespace"
    assert [b["kind"] for b in rest[:3]] == ["CustomResourceDefinition"] * 3
    for body in rest:
        assert "app.kubernetes.io/managed-by" not in body["metadata"].get("labels", {})


def test_there_is_an_example_for_each_kind_of_destination_and_plugin() -> None:
    # The others show something else, and are named after that.
    shown = {tuple(path.stem.rsplit("-to-", 1)) for path in EXAMPLES if "-to-" in path.stem}
    assert {plugin for plugin, _ in shown} == BUNDLED
    assert {destination for _, destination in shown} == {"duckdb", "postgres", "bucket"}


@pytest.mark.apiserver
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_accepted_by_the_api_server(server: Server, path: Path) -> None:
    arguments = ("--dry-run=server", "--validate=strict", "--namespace", server.namespace)
    server.kubectl("apply", *arguments, "-f", str(path))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_brings_what_it_names_and_its_config_fits_the_plugin(path: Path) -> None:
    bodies = documents(path)
    named = {(body["kind"], body["metadata"]["name"]) for body in bodies}
    for body in bodies:
        if body["kind"] != "Integration":
            continue
        spec = body["spec"]
        destination = spec["destination"]
        if secret := spec.get("credentialsSecretName"):
            assert ("Secret", secret) in named
        if destination["type"] == "postgres" or "bucketUrl" in destination:
            assert ("Secret", destination["secretName"]) in named
        else:
            assert ("PersistentVolumeClaim", destination["claimName"]) in named
        (plugin,) = documents(CHART / "files" / "plugins" / f"{spec['service']}.yaml")
        schema = plugin["spec"]["configSchema"]
        jsonschema.Draft202012Validator(schema).validate(spec["config"])


def test_the_postgres_secret_of_the_example_has_the_keys_of_the_contract() -> None:
    (secret,) = [
        body
        for body in documents(MANIFESTS / "examples" / "rest-to-postgres.yaml")
        if body["kind"] == "Secret" and body["metadata"]["name"] == "warehouse"
    ]
    keys = {"host", "port", "dbname", "username", "password", "sslmode"}
    assert set(secret["stringData"]) == keys
