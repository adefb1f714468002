"""The fields of our kinds, as their CRDs in the chart have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "charts" / "spark-integrations" / "crds"
# What lies below is the plugin author's, not ours.
_WHOLES = {"spec.config", "spec.configSchema"}


def fields(kind: str) -> dict[str, dict[str, Any]]:
    """Each leaf of spec and status by its path, such as ``spec.destination.type``, with its schema.

    A list adds nothing to the path, a map of objects ``.*``.
    """
    found: dict[str, dict[str, Any]] = {}
    whole = schema(kind)
    for part in ("spec", "status"):
        if part in whole:
            _collect(whole[part], part, found)
    return found


def schema(kind: str) -> dict[str, Any]:
    """The properties of a kind, spec and status."""
    for file in CRDS.glob("*.yaml"):
        crd = yaml.safe_load(file.read_text(encoding="utf-8"))
        if crd["spec"]["names"]["kind"] == kind:
            version = crd["spec"]["versions"][0]
            properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
            return properties
    raise AssertionError(f"no CRD of {kind}")


def _collect(schema: dict[str, Any], path: str, found: dict[str, dict[str, Any]]) -> None:
    inner = schema.get("items", schema) if schema.get("type") == "array" else schema
    each = inner.get("additionalProperties")
    if path not in _WHOLES and isinstance(each, dict) and each.get("properties"):
        _collect(each, f"{path}.*", found)
    elif path in _WHOLES or not inner.get("properties"):
        found[path] = schema
    else:
        for name, part in inner["properties"].items():
            _collect(part, f"{path}.{name}", found)
