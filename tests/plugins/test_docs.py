"""What the pages show works."""

import re
import sys
import types
from pathlib import Path

import pytest
import yaml

from spark_plugins import manifests
from spark_plugins.rest import Rest
from spark_plugins.rss import Rss
from spark_plugins.testing import json_answer

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(("page", "plugin"), [("plugins/rest.md", Rest), ("plugins/rss.md", Rss)])
def test_the_example_of_a_plugin_is_a_valid_config(page, plugin):
    (text,) = blocks(page, "yaml")
    spec = yaml.safe_load(text)["spec"]
    assert spec["service"] == plugin.name
    plugin.Config.model_validate(spec["config"])


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


def test_every_setting_of_rest_is_in_its_page():
    page = (DOCS / "plugins/rest.md").read_text()
    for model in (Rest.Config, *manifests.config_schema(Rest.Config)["$defs"].values()):
        names = (
            model["properties"]
            if isinstance(model, dict)
            else [field.alias for field in model.model_fields.values()]
        )
        for name in names:
            assert name in page, name
