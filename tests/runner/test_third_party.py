"""The plugin of docs/example-plugin: its wheel is built, and `spark-fetch` runs it."""

import os
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml
from tests.support import example_plugin

from spark_plugins.testing import json_answer

README = (example_plugin.SOURCE / "README.md").read_text()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, unpacked as the image has it."""
    folder = tmp_path_factory.mktemp("third-party")
    return example_plugin.unpack(example_plugin.build(folder), folder / "plugin")


def python(installed, *arguments):
    result = subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        cwd=example_plugin.SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def shop(pod, service, installed):
    pod.service = "shop"
    pod.environment["PYTHONPATH"] = str(installed)
    pod.config = {"baseUrl": f"{service.url}/api"}
    pod.secret(token="canary-shop-token")
    return pod


def test_the_runner_finds_the_plugin_of_another_package_and_loads_its_records(shop, service):
    first = [{"id": 1, "updated_at": "2026-11-01T00:00:00Z", "total": 5}]
    service.on("/api/orders", json_answer(first))
    ended = shop.end(shop.start())
    assert ended.message == {"rows": 1}, ended.stderr
    changed = [{"id": 1, "updated_at": "2026-11-02T00:00:00Z", "total": 6}]
    service.on("/api/orders", json_answer(changed))
    ended = shop.end(shop.start())
    assert (ended.exit, ended.message) == (0, {"rows": 1})
    assert shop.rows("SELECT id, total FROM team_a_alice.orders") == [(1, 6)]
    assert [request.query["since"] for request in service.requests] == [
        "1970-01-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    ]
    assert "canary" not in ended.stdout + ended.stderr


def test_its_own_tests_pass(installed):
    python(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_its_plugin_object_is_what_the_command_of_the_page_prints(installed):
    (command,) = re.findall(
        r"^python (-m spark_plugins\.manifests .*) > plugin\.yaml", README, re.M
    )
    printed = python(installed, *command.split())
    assert (example_plugin.SOURCE / "plugin.yaml").read_text() == printed
    assert yaml.safe_load(printed)["spec"]["image"].startswith("registry.example.com/")


def test_its_sample_integration_fits_its_plugin_object():
    plugin = yaml.safe_load((example_plugin.SOURCE / "plugin.yaml").read_text())
    text = (example_plugin.SOURCE / "integration.yaml").read_text()
    secret, integration = yaml.safe_load_all(text)
    spec = integration["spec"]
    assert spec["service"] == plugin["metadata"]["name"]
    jsonschema.Draft202012Validator(plugin["spec"]["configSchema"]).validate(spec["config"])
    assert spec["credentialsSecretName"] == secret["metadata"]["name"]
    required = {key["name"] for key in plugin["spec"]["credentials"] if key["required"]}
    assert required <= set(secret["stringData"])
