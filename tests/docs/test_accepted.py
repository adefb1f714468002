"""Whatever YAML a page shows is accepted by the API server and by the Plugin that it is for."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dev.cluster import Cluster
from dev.toolchain import Toolchain
from tests.chart.support import CHART, Server
from tests.support.pages import ROOT, Block, blocks, pages
from tests.support.reader import read

BLOCKS = [block for page in [*pages(), ROOT / "README.md"] for block in blocks(page, "yaml")]
INTEGRATION = {"apiVersion": "spark-integrations.dev/v1", "kind": "Integration"}
# What a part of a config stands in, as the page says around it.
REST = {
    "baseUrl": "https://api.example.com",
    "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
}


def bodies(block: Block) -> list[dict[str, Any]]:
    return [body for body in yaml.safe_load_all(block.text) if body]


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """A part of a spec or of a config of `rest`, put where it belongs."""
    if "kind" in body:
        return body
    named = {"metadata": {"name": "part"}}
    if body.keys() <= {"auth", "resources"}:
        return {**INTEGRATION, **named, "spec": {"service": "rest", "config": {**REST, **body}}}
    return {**INTEGRATION, **named, "spec": {"service": "rest", "config": REST, **body}}


def values(block: Block) -> bool:
    return block.file_name == "values.yaml"


@pytest.fixture(scope="module")
def server(apiserver: Cluster) -> Iterator[Server]:
    made = Server(apiserver.kubeconfig)
    made.install_crds()
    made.kubectl("create", "namespace", made.namespace)
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.mark.apiserver
@pytest.mark.parametrize("block", [b for b in BLOCKS if not values(b)], ids=str)
def test_it_is_accepted_by_the_api_server(server: Server, block: Block) -> None:
    found = bodies(block)
    assert found
    for body in map(whole, found):
        body["metadata"].pop("namespace", None)
        server.kubectl(
            *("apply", "--dry-run=server", "--validate=strict", "-n", server.namespace, "-f", "-"),
            stdin=yaml.safe_dump(body),
        )


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_config_of_an_integration_fits_its_plugin(block: Block) -> None:
    for body in map(whole, bodies(block)):
        if body["kind"] != "Integration":
            continue
        spec = body["spec"]
        path = CHART / "files" / "plugins" / f"{spec['service']}.yaml"
        if not path.exists():
            # A Plugin of the same page, or of the example.
            continue
        plugin = yaml.safe_load(path.read_text(encoding="utf-8"))
        schema = plugin["spec"]["configSchema"]
        jsonschema.Draft202012Validator(schema).validate(spec["config"])
        keys = {key["name"] for key in plugin["spec"].get("credentials", ())}
        assert keys or "credentialsSecretName" not in spec


@pytest.mark.parametrize("block", [b for b in BLOCKS if values(b)], ids=str)
def test_values_are_those_of_the_chart(block: Block) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(block.text)
        file.flush()
        subprocess.run(
            [Toolchain().path("helm"), "template", "x", CHART, "--values", file.name],
            check=True,
            capture_output=True,
        )


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["github", "rest"])
def test_the_secret_of_a_plugin_is_made_as_its_page_says(
    server: Server, apiserver: Cluster, name: str, tmp_path: Path
) -> None:
    page = ROOT / "docs" / "plugins" / f"{name}.md"
    here = {"-n team-a": f"-n {server.namespace}", "=…": "=x"}
    assert "created" in read(page, tmp_path, apiserver.kubeconfig, instead=here)


@pytest.mark.apiserver
def test_a_request_is_made_as_its_page_says(
    server: Server, apiserver: Cluster, tmp_path: Path
) -> None:
    spec = {"service": "rest", "config": REST}
    server.create("Integration", spec, name="alice", namespace=server.namespace, dry_run=False)
    here = {"integration alice": f"integration alice -n {server.namespace}"}
    said = read(ROOT / "docs" / "requests.md", tmp_path, apiserver.kubeconfig, instead=here)
    assert "alice annotated" in said
