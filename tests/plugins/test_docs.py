"""What the pages show works."""

import re
import sys
import types
from pathlib import Path

import pytest
import yaml

from spark_plugins import manifests, open_meteo
from spark_plugins.testing import json_answer

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


PAGES = [(f"plugins/{plugin.name}.md", plugin) for plugin in manifests.BUNDLED]


@pytest.mark.parametrize(("page", "plugin"), PAGES)
def test_the_examples_of_a_plugin_are_valid(page, plugin):
    text, *others = blocks(page, "yaml")
    spec = yaml.safe_load(text)["spec"]
    assert spec["service"] == plugin.name
    plugin.Config.model_validate(spec["config"])
    for other in map(yaml.safe_load, others):
        if other.get("kind") == "Secret":
            assert other["metadata"]["name"] == spec["credentialsSecretName"]
            plugin.Credentials.model_validate(other["stringData"])
        else:
            # A part of the config alone.
            plugin.Config.model_validate(spec["config"] | other)


def test_every_bundled_plugin_has_a_page_that_names_its_settings_and_keys():
    for plugin in manifests.BUNDLED:
        page = (DOCS / f"plugins/{plugin.name}.md").read_text()
        for field in plugin.Config.model_fields.values():
            assert f"`{field.alias}`" in page or f"{field.alias}:" in page, field.alias
        for key in plugin.Credentials.model_fields:
            assert f"`{key}`" in page or f"{key}:" in page, key


def test_the_first_example_is_the_bundled_plugin_to_the_letter():
    first, *_ = blocks("writing-a-plugin.md", "python")
    assert first == Path(open_meteo.__file__).read_text()


def test_the_example_of_an_author_runs(service, context, monkeypatch):
    (text,) = (
        block for block in blocks("writing-a-plugin.md", "python") if "class Weather:" in block
    )
    # dlt looks up the module of a resource.
    module = types.ModuleType("weather")
    monkeypatch.setitem(sys.modules, "weather", module)
    exec(text, module.__dict__)
    weather = module.Weather()
    manifest = manifests.manifest(weather)
    assert manifest["spec"]["credentials"] == [
        {"name": "token", "required": True, "description": "Token of the account."}
    ]
    service.on("/v1/readings", json_answer([{"id": 1, "changed": "2026-01-02", "celsius": 3}]))
    resource = weather.fetch_data(
        weather.Config(station="7", base_url=service.url), weather.Credentials(token="t"), context
    )
    assert list(resource) == [{"id": 1, "changed": "2026-01-02", "celsius": 3}]
    assert service.requests[0].header("Authorization") == "Bearer t"
    assert service.requests[0].query == {"station": "7", "since": "2026-01-01"}


@pytest.mark.parametrize(("page", "plugin"), PAGES)
def test_every_setting_of_a_plugin_is_in_its_page(page, plugin):
    page = (DOCS / page).read_text()
    schema = manifests.config_schema(plugin.Config)
    for model in (plugin.Config, *schema.get("$defs", {}).values()):
        names = (
            model["properties"]
            if isinstance(model, dict)
            else [field.alias for field in model.model_fields.values()]
        )
        for name in names:
            assert name in page, name
