"""Where dlt turns a value into the type of its column, and how it fails on values that services give.

A column has the type of its first value, and dlt turns the later ones into it. What does not turn gets a
second column. But some values turn, and break the whole load afterwards: one record would then fail each
fetch for ever. And a key with a second column would be empty in the first one.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from dlt.common.data_types import type_helpers
from dlt.common.normalizers.json import relational
from dlt.common.time import normalize_timezone
from dlt.normalize.items_normalizers import jsonl

from spark_plugins.errors import PermanentError

LEAST, MOST = -(2**63), 2**63 - 1

_KINDS = {
    "bigint": "whole numbers",
    "double": "numbers",
    "text": "texts",
    "json": "objects or lists",
}

# Bound once: `install` may come again.
_coerce = type_helpers.coerce_value
_in_zone = normalize_timezone
_place = jsonl.JsonLItemsNormalizer._coerce_non_null_value


def install() -> None:
    """Put these in the place of dlt's own."""
    theirs: Any = (relational, jsonl, jsonl.JsonLItemsNormalizer)
    theirs[0].coerce_value = coerce
    theirs[1].normalize_timezone = in_zone
    theirs[2]._coerce_non_null_value = place


def coerce(to_type: Any, from_type: Any, value: Any) -> Any:
    """The value in the column's type; a ValueError gives it a column of its own."""
    try:
        held = _coerce(to_type, from_type, value)
    except OSError as error:
        # What the C library says to a number of seconds that lies beyond its years.
        raise ValueError(value) from error
    if to_type == "bigint" and not LEAST <= held <= MOST:
        raise ValueError(value)
    return held


def in_zone(value: Any, timezone: Any) -> Any:
    """The time in UTC. The first and the last day that there are mean "never" wherever they are written:
    in UTC they may lie where there is no day."""
    try:
        return _in_zone(value, timezone)
    except OverflowError:
        return _in_zone(value.replace(tzinfo=dt.UTC), timezone)


def place(
    self: Any, columns: Any, table: str, column: str, value: Any, is_variant: bool = False
) -> Any:
    """The column of a value, and the value; raises `PermanentError` for a key that needs a second one."""
    if is_variant or not columns.get(column, {}).get("primary_key"):
        return _place(self, columns, table, column, value, is_variant)
    found = _place(self, columns, table, column, value)
    if found[0] != column:
        held = columns[column].get("data_type", "")
        raise PermanentError(
            f'Resource "{table}": the field "{column}" of the primary key has values of more than one '
            f"type: the column holds {_KINDS.get(held, held + ' values')}, and another kind came. "
            "Declare it as text from the first fetch on (in rest by columns: "
            f"{{{column}: text}}), and choose a new spec.destination.dataset.",
            reason="InvalidConfig",
        )
    return found
