"""An object against the schema of its CRD, as the API server judges it with strict field validation."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

from spark_cli.decide import cel
from spark_operator.model import fields
from spark_operator.model.result import clean

_FORMATS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def schema_of(crd: Mapping[str, Any], version: str) -> Mapping[str, Any]:
    """The openAPIV3Schema of a served version. Raises KeyError where it has none of that name."""
    for served in fields.items(fields.mapping(crd.get("spec")).get("versions")):
        if served.get("name") == version and served.get("served"):
            found: Mapping[str, Any] = served["schema"]["openAPIV3Schema"]
            return found
    raise KeyError(version)


def problems(body: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """What the API server would refuse of the object, each as ``path: what is wrong``."""
    # As the server: what has a default has it before anything is judged.
    whole = fields.mapping(_with_defaults(body, schema))
    found = [*_of_schema(whole, schema), *_of_metadata(body)]
    # The rules are for what has the right shape.
    return found or list(_of_rules(whole, schema, ""))


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        made = dict(value)
        properties = fields.mapping(schema.get("properties"))
        for key, part in properties.items():
            if made.get(key) is None and "default" in part and part.get("nullable") is not True:
                made[key] = copy.deepcopy(part["default"])
        return {
            key: _with_defaults(item, part) if (part := _part(schema, key)) else item
            for key, item in made.items()
        }
    if isinstance(value, list) and (items := fields.mapping(schema.get("items"))):
        return [_with_defaults(item, items) for item in value]
    return value


def _part(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The schema of the value under a key; empty where it may be anything."""
    properties = fields.mapping(schema.get("properties"))
    return fields.mapping(properties.get(key, schema.get("additionalProperties")))


def _of_schema(body: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    part = schema["properties"]["spec"]
    wanted = fields.items(schema.get("required"))
    if "spec" not in body:
        if "spec" in wanted:
            yield "spec: is required"
        return
    validator: Validator = jsonschema.Draft202012Validator(_closed(part))
    errors = sorted(validator.iter_errors(body["spec"]), key=lambda e: e.json_path)
    for error in errors:
        yield clean(f"spec{error.json_path[1:]}: {_said(error)}")
    for key in body:
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            yield f"{clean(str(key), 60)}: unknown field"


def _said(error: jsonschema.ValidationError) -> str:
    if error.validator == "additionalProperties":
        properties = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        instance = error.instance if isinstance(error.instance, Mapping) else {}
        unknown = [str(key) for key in instance if key not in properties]
        return f"unknown field {', '.join(unknown)}"
    return error.message


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON Schema, with unknown fields refused where the server would prune them."""
    made = {k: v for k, v in schema.items() if not k.startswith("x-") and k != "default"}
    if bounds := _FORMATS.get(fields.text(made.pop("format", None))):
        made.setdefault("minimum", bounds[0])
        made.setdefault("maximum", bounds[1])
    if properties := fields.mapping(schema.get("properties")):
        made["properties"] = {key: _closed(part) for key, part in properties.items()}
        if schema.get("x-kubernetes-preserve-unknown-fields") is not True:
            made["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            made[key] = _closed(schema[key])
    if schema.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if schema.get("x-kubernetes-int-or-string") is True:
        made["type"] = ["integer", "string"]
    return made


def _of_rules(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for rule in fields.items(schema.get("x-kubernetes-validations")):
        text = fields.text(rule.get("rule"))
        if "oldSelf" in text:
            # It compares with the object before, which is no matter of a manifest.
            continue
        where = f"{path}{fields.text(rule.get('fieldPath'))}".removeprefix(".") or "the object"
        try:
            if not cel.holds(text, value):
                yield f"{where}: {fields.text(rule.get('message'))}"
        except cel.Refused as error:
            yield clean(f"{where}: {error}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            named = key in fields.mapping(schema.get("properties"))
            if part := _part(schema, key):
                yield from _of_rules(item, part, f"{path}.{key}" if named else f"{path}[{key}]")
    elif isinstance(value, list) and (items := fields.mapping(schema.get("items"))):
        for number, item in enumerate(value):
            yield from _of_rules(item, items, f"{path}[{number}]")


def _of_metadata(body: Mapping[str, Any]) -> Iterator[str]:
    name = fields.mapping(body.get("metadata")).get("name")
    if not isinstance(name, str) or not name:
        yield "metadata.name: is required"
