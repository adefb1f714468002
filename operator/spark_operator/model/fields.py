"""Reading fields of unknown objects: a value of the wrong type counts as absent."""

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object, default: str = "") -> str:
    return value if isinstance(value, str) else default


def optional_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in items(value) if isinstance(item, str))


def integer(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def optional_integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def minutes(value: object) -> int | None:
    """Of a frequency: from a minute to a year, as the CRDs have it."""
    number = optional_integer(value)
    return None if number is None else max(1, min(number, 525_600))


def resource_version(metadata: Mapping[str, Any]) -> int:
    """The resourceVersion as a number: it orders two states of one object (KEP-5504)."""
    value = text(metadata.get("resourceVersion"))
    return int(value) if value.isdecimal() else 0
