"""What the CRDs say, read from the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.chart.support import PLURALS, crd

KINDS = sorted(PLURALS)


def schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def walk(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path or ".", node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from walk(node[key], f"{path}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_in_sentences(kind: str) -> None:
    for path, node in walk(schema(kind)):
        said = node.get("description", "")
        assert said.endswith("."), f"{kind}{path}: {said!r}"
        assert len(said) > 10, f"{kind}{path}: {said!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_bounded(kind: str) -> None:
    for path, node in walk(schema(kind)):
        where = f"{kind}{path}"
        match node.get("type"):
            case "string":
                assert node.keys() & {"maxLength", "enum"} or node.get("format") == "date-time", (
                    where
                )
            case "array":
                assert "maxItems" in node, where
            case "integer" | "number":
                assert "minimum" in node or path.endswith("tolerationSeconds"), where
            case "object" if "properties" not in node:
                assert "maxProperties" in node, where


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_are_kept_in_config_and_its_schema_only(kind: str) -> None:
    loose = [p for p, n in walk(schema(kind)) if n.get("x-kubernetes-preserve-unknown-fields")]
    expected = {"Integration": [".spec.config"], "Plugin": [".spec.configSchema"], "Scheduler": []}
    assert loose == expected[kind]


def test_the_destination_of_the_scheduler_is_that_of_an_integration_without_the_dataset() -> None:
    integration = schema("Integration")["properties"]["spec"]["properties"]["destination"]
    scheduler = schema("Scheduler")["properties"]["spec"]["properties"]["destination"]
    assert integration["x-kubernetes-validations"] == scheduler["x-kubernetes-validations"]
    limits = {"type", "enum", "minLength", "maxLength", "pattern"}
    ours = {name: _only(node, limits) for name, node in integration["properties"].items()}
    del ours["dataset"]
    assert ours == {name: _only(node, limits) for name, node in scheduler["properties"].items()}


def _only(node: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key in keys}
