"""The Plugin objects in the chart are what the code says."""

import subprocess
import sys

import jsonschema
import pytest
import yaml

from spark_plugins import manifests, registry
from spark_plugins.errors import PermanentError
from spark_plugins.rest import Rest

PLUGINS = [plugin() for plugin in manifests.BUNDLED]
REST = yaml.safe_load(manifests.render(Rest()))["spec"]


def test_the_files_in_the_chart_are_those_of_the_code():
    assert manifests.main(["--check"]) == 0


def test_a_difference_is_noticed_and_mended(tmp_path, capsys):
    assert manifests.main(["--check", "--out", str(tmp_path)]) == 1
    assert manifests.main(["--out", str(tmp_path)]) == 0
    assert manifests.main(["--check", "--out", str(tmp_path)]) == 0
    (tmp_path / "rss.yaml").write_text("{}")
    assert manifests.main(["--check", "--out", str(tmp_path)]) == 1
    assert "rss.yaml differs" in capsys.readouterr().out


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_every_schema_is_plain_json_schema(plugin):
    schema = manifests.config_schema(plugin.Config)
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [schema, *schema.get("$defs", {}).values()]
    assert all(node["additionalProperties"] is False for node in objects)
    for node in objects:
        for name, described in node["properties"].items():
            assert "description" in described or name == "type" or "default" in described, name


def test_the_schema_and_the_model_agree():
    good = {
        "baseUrl": "https://api.example.com",
        "auth": {"type": "apiKey", "location": "query"},
        "resources": [
            {
                "name": "items",
                "path": "items",
                "primaryKey": ["id"],
                "pagination": {"type": "offset", "limit": 50},
                "incremental": {"cursorPath": "at", "startParam": "since", "initialValue": 3},
            }
        ],
    }
    validator = jsonschema.Draft202012Validator(REST["configSchema"])
    validator.validate(good)
    Rest.Config.model_validate(good)
    for wrong in ({"extra": 1}, {"auth": {"type": "x"}}, {"baseUrl": "ftp://x"}, {"resources": []}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(good | wrong)


def test_the_credentials_are_the_fields_of_the_model():
    assert [(item["name"], item["required"]) for item in REST["credentials"]] == [
        ("token", False),
        ("api_key", False),
        ("username", False),
        ("password", False),
        ("client_id", False),
        ("client_secret", False),
        ("refresh_token", False),
    ]
    assert all(item["description"] for item in REST["credentials"])


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_loading_a_plugin_and_checking_its_config_imports_nothing_heavy(plugin):
    """A pod pays in each fetch for what is imported, and a wrong config must not wait for dlt."""
    script = f"""
import sys
from spark_plugins import registry
plugin = registry.load({plugin.name!r})
plugin.Config.model_json_schema()
heavy = {{"dlt", "requests", "feedparser", "icalendar", "recurring_ical_events", "yaml"}}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_plugins_are_found_by_their_entry_points():
    assert {plugin.name for plugin in PLUGINS} <= set(registry.names())
    for plugin in PLUGINS:
        assert type(registry.load(plugin.name)) is type(plugin)
    with pytest.raises(registry.UnknownService, match='no plugin "nope"; it has: ') as error:
        registry.load("nope")
    assert isinstance(error.value, PermanentError)
    assert error.value.reason == "InvalidConfig"
