"""A Plugin whose configSchema is broken is told of, however it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from tests.decide.make import plugin

from spark_cli.decide import health, manifests
from spark_cli.decide.health import Level
from spark_operator.decide.validity import Schema

BROKEN: list[dict[str, Any]] = [
    {"type": "nothing"},
    {"$ref": "#/$defs/Nowhere"},
    {"properties": {"a": {"$ref": "#/$defs/Nowhere"}}},
    {"anyOf": [{"type": "object"}, {"items": {"$ref": "https://example.com/schema.json"}}]},
    {"title": "no schema", "properties": {"a": {"$ref": "#/title"}}},
]
SOUND: list[dict[str, Any]] = [
    {},
    {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
    {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A"}}},
    {"properties": {"$ref": {"type": "string"}, "b": {"default": {"$ref": "#/x"}}}},
    {"$defs": {"Tree": {"items": {"$ref": "#/$defs/Tree"}}}, "$ref": "#/$defs/Tree"},
]


def body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "demo"}, "spec": {"title": "Demo", "configSchema": schema}}


@pytest.mark.parametrize("schema", BROKEN)
def test_a_broken_one_is_refused_by_validate_and_told_by_doctor(schema: dict[str, Any]) -> None:
    (problem,) = manifests.plugin(body(schema))
    assert problem.startswith("spec.configSchema: The configSchema of Plugin ")
    (finding,) = health.plugins([plugin(config_schema=schema)], [])
    assert finding.level is Level.FAIL


@pytest.mark.parametrize("schema", SOUND)
def test_a_sound_one_is_none_whatever_it_asks_of_a_config(schema: dict[str, Any]) -> None:
    assert Schema(plugin(config_schema=schema)).fault() is None
    assert manifests.plugin(body(schema)) == []
    (finding,) = health.plugins([plugin(config_schema=schema)], [])
    assert finding.level is Level.OK
