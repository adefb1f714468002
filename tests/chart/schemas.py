"""JSON schemas of every kind that an API server serves, out of what it says about itself: no network.

kubeconform would take them from a public repository, which has those of our kinds nowhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chart.support import Run

LOCATION = "{{ .ResourceKind }}-{{ .Group }}-{{ .ResourceAPIVersion }}.json"
_REFERENCE = "#/components/schemas/"


def write(kubectl: Run, folder: Path) -> str:
    """Write a file a kind; return the location as kubeconform takes it."""
    index = json.loads(kubectl("get", "--raw", "/openapi/v3").stdout)["paths"]
    for path, where in index.items():
        if not path.startswith(("api/", "apis/")):
            continue
        document = json.loads(kubectl("get", "--raw", where["serverRelativeURL"]).stdout)
        schemas = document.get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                # kubeconform takes the version for the group where there is no group.
                group = kind["group"] or kind["version"]
                file = f"{kind['kind'].lower()}-{group}-{kind['version']}.json"
                (folder / file).write_text(json.dumps(_standalone(name, schemas)))
    return str(folder / LOCATION)


def _standalone(name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """One schema with all that it refers to."""
    definitions: dict[str, Any] = {}
    wanted = [name]
    while wanted:
        each = wanted.pop()
        if each not in definitions:
            definitions[each] = _strict(schemas[each], wanted)
    return {"$ref": f"#/definitions/{name}", "definitions": definitions}


def _strict(schema: Any, found: list[str]) -> Any:
    """The same with its references within the file, and closed to fields that it does not name."""
    if isinstance(schema, list):
        return [_strict(item, found) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if str(schema.get("$ref", "")).startswith(_REFERENCE):
        name = schema["$ref"].removeprefix(_REFERENCE)
        found.append(name)
        return {"$ref": f"#/definitions/{name}"}
    closed = {key: _strict(value, found) for key, value in schema.items()}
    properties = schema.get("properties")
    # A property may be called `properties`, as in the schema of schemas: then it is no list of fields.
    fields = schema.get("type") == "object" and isinstance(properties, dict)
    if fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
