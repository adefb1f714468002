"""Filling the placeholders of a resource with values of a parent's record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dlt.common import jsonpath

from spark_plugins.errors import PermanentError
from spark_plugins.rest import config as c

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def bound(parent: c.Parent, record: Any, resource: str) -> dict[str, Any]:
    """The value of each placeholder, from a record of the parent.

    Raises `PermanentError` for a record without one: to pass it over would lose its children.
    """
    return {name: _value(path, record, resource, name) for name, path in parent.bind.items()}


def included(parent: c.Parent, record: Any) -> dict[str, Any]:
    """The columns that the parent's record gives to each of its children; null where it has none."""
    return {name: _first(path, record) for name, path in parent.include.items()}


def fill_path(path: str, values: Mapping[str, Any]) -> str:
    """The path with each placeholder replaced, quoted: a value never becomes a second segment."""
    return _PLACEHOLDER.sub(
        lambda match: quote(as_text(values[match[1]]), safe="") if match[1] in values else match[0],
        path,
    )


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """The same for params and bodies. A text that is a placeholder and nothing else becomes the
    value itself, with its type; braces that name no placeholder are only braces."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole and whole[1] in values:
            return values[whole[1]]
        return _PLACEHOLDER.sub(
            lambda match: as_text(values[match[1]]) if match[1] in values else match[0], value
        )
    if isinstance(value, dict):
        return {fill(key, {}): fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return value


def unused(resource: c.Resource) -> list[str]:
    """Placeholders of `parent.bind` that stand nowhere, as with a slip of the pen."""
    if resource.parent is None:
        return []
    text = f"{resource.path} {resource.params} {resource.body} {resource.form}"
    return [name for name in resource.parent.bind if "{" + name + "}" not in text]


def as_text(value: Any) -> str:
    """As APIs write it: `true`, not Python's `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(path: str, record: Any, resource: str, name: str) -> Any:
    value = _first(path, record)
    if isinstance(value, str | int | float) and as_text(value) not in ("", ".", ".."):
        return value
    raise PermanentError(
        f'Resource "{resource}": a record of the parent has no usable value for "{name}" '
        f'(parent.bind, JSON path "{path}").',
        reason="InvalidConfig",
    )


def _first(path: str, record: Any) -> Any:
    values = jsonpath.find_values(path, record)
    return values[0] if values else None
