"""A place reached for each parent, where a resource is asked for once a record of another one.

One place for all of them, as dlt would keep it, loses records: a parent that is new has children older
than the newest of the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dlt.common import jsonpath

from spark_plugins.errors import PermanentError
from spark_plugins.rest import config as c

# The state goes to the destination with each load that changes it.
MAX_PARENTS = 10_000


class Cursors:
    """The places, in the state of the resource, which is loaded together with the records."""

    def __init__(self, state: dict[str, Any], settings: c.Incremental, resource: str) -> None:
        self._places: dict[str, Any] = state.setdefault("places", {})
        self._settings = settings
        self._resource = resource

    def start(self, values: Mapping[str, Any]) -> Any:
        """Where to begin for the parent with these bound values."""
        return self._places.get(_mark(values), self._settings.initial_value)

    def new(self, page: list[Any], start: Any, highest: Any) -> tuple[list[Any], Any]:
        """The records of a page that do not lie below `start`, and the highest value so far."""
        kept = []
        for record in page:
            value = self._value(record)
            if value is None:
                if self._settings.on_missing == "include":
                    kept.append(record)
                continue
            try:
                if start is not None and value < start:
                    continue
                highest = value if highest is None else max(highest, value)
            except TypeError:
                raise PermanentError(
                    f'Resource "{self._resource}": values of incremental.cursorPath are of more '
                    "than one kind, and have no order.",
                    reason="InvalidConfig",
                ) from None
            kept.append(record)
        return kept, highest

    def reached(self, values: Mapping[str, Any], highest: Any) -> None:
        """At the end of a parent's list."""
        if highest is None:
            return
        mark = _mark(values)
        # To the end: the first ones are those that were met the longest time ago. Without its
        # place a parent's list is fetched from its beginning, which costs time and nothing else.
        self._places.pop(mark, None)
        self._places[mark] = highest
        while len(self._places) > MAX_PARENTS:
            del self._places[next(iter(self._places))]

    def _value(self, record: Any) -> Any:
        values = jsonpath.find_values(self._settings.cursor_path, record)
        value = values[0] if values else None
        if value is None and self._settings.on_missing == "fail":
            raise PermanentError(
                f'Resource "{self._resource}": a record has no value where incremental.cursorPath '
                "leads; set onMissing to include or exclude.",
                reason="InvalidConfig",
            )
        return value


def _mark(values: Mapping[str, Any]) -> str:
    text = json.dumps(dict(values), sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
