"""To come."""

from typing import Any


def add_verbs(verb: Any) -> None:
    """None yet."""
