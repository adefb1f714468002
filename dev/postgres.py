"""To come."""

from typing import Any


def add_verbs(verb: Any) -> None:
    """None yet."""


def psql(cluster: Any, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """None yet."""
    raise NotImplementedError
