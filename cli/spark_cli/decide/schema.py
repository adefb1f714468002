"""The settings of a service, read out of the JSON Schema of its Plugin for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from spark_operator.model import fields
from spark_operator.model.record import record

_MAX_DEPTH = 4


@record(frozen=True, slots=True)
class Setting:
    """``path`` as under ``spec.config``: ``resources[].path``."""

    path: str
    type: str
    required: bool
    default: str
    description: str


def settings(schema: Mapping[str, Any]) -> list[Setting]:
    """Every setting that the schema describes, to a few levels; what is deeper is in ``-o yaml``."""
    found: dict[str, Setting] = {}
    for setting in _properties(schema, schema, "", 0):
        # A field of several alternatives is told once.
        found.setdefault(setting.path, setting)
    return list(found.values())


def _properties(
    root: Mapping[str, Any], node: Mapping[str, Any], prefix: str, depth: int
) -> Iterator[Setting]:
    required = fields.items(node.get("required"))
    for name, raw in fields.mapping(node.get("properties")).items():
        part = _resolved(root, fields.mapping(raw))
        path = f"{prefix}{name}"
        default = json.dumps(part["default"]) if part.get("default") is not None else ""
        described = fields.text(fields.mapping(raw).get("description"))
        yield Setting(
            path,
            _type(root, part),
            name in required,
            default,
            described or fields.text(part.get("description")),
        )
        if depth + 1 >= _MAX_DEPTH:
            continue
        for kind, ending in _inner(root, part):
            yield from _properties(root, kind, f"{path}{ending}.", depth + 1)


def _inner(
    root: Mapping[str, Any], part: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects that a value may be or hold, with what follows its name then."""
    yield part, ""
    items = _resolved(root, fields.mapping(part.get("items")))
    if items:
        yield items, "[]"
    for choice in (*fields.items(part.get("anyOf")), *fields.items(part.get("oneOf"))):
        one = _resolved(root, fields.mapping(choice))
        yield one, ""
        inner = _resolved(root, fields.mapping(one.get("items")))
        if inner:
            yield inner, "[]"


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Through local references, as far as they lead."""
    for _ in range(8):
        reference = fields.text(node.get("$ref"))
        if not reference.startswith("#/"):
            break
        target: Any = root
        for step in reference[2:].split("/"):
            target = fields.mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
        node = {**fields.mapping(target), **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def _type(root: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if "const" in part:
        return json.dumps(part["const"])
    if options := fields.items(part.get("enum")):
        return "|".join(str(option) for option in options)
    choices = [
        _type(root, _resolved(root, fields.mapping(choice)))
        for choice in (*fields.items(part.get("anyOf")), *fields.items(part.get("oneOf")))
    ]
    if choices:
        return "|".join(dict.fromkeys(c for c in choices if c != "null"))
    kind = part.get("type")
    if isinstance(kind, list):
        return "|".join(str(k) for k in kind if k != "null")
    if kind == "array":
        items = _resolved(root, fields.mapping(part.get("items")))
        return f"[{_type(root, items)}]" if items else "array"
    return fields.text(kind, "any")
