"""When a value came into an object by the clock of the API server, whatever the writer's clock says."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from spark_operator.model import fields, timestamps


def at(body: Mapping[str, Any], *path: str) -> datetime | None:
    """As managedFields have it, in whole seconds; None where they say nothing of the field."""
    found: datetime | None = None
    for entry in fields.items(fields.mapping(body.get("metadata")).get("managedFields")):
        node: Any = fields.mapping(entry).get("fieldsV1")
        for step in path:
            node = fields.mapping(node).get(f"f:{step}")
        moment = timestamps.parse(fields.mapping(entry).get("time"))
        if node is not None and moment is not None:
            found = moment if found is None else max(found, moment)
    return found


def stated(body: Mapping[str, Any], *path: str) -> datetime | None:
    """The time that the field itself tells, by its writer's clock."""
    node: Any = body
    for step in path:
        node = fields.mapping(node).get(step)
    return timestamps.parse(node)


def when(body: Mapping[str, Any], *path: str) -> datetime | None:
    """When the time in this field was written; as it says itself where nothing else is known."""
    told = stated(body, *path)
    return None if told is None else at(body, *path) or told


def ahead(body: Mapping[str, Any], *path: str) -> timedelta | None:
    """By how much the clock that wrote this time is before the API server's; None: not known."""
    told, came = stated(body, *path), at(body, *path)
    return None if told is None or came is None else told - came
