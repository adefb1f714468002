"""Large fetches in pieces: what is loaded stays, whatever becomes of the rest.

A cursor may move with a part of the records only where those that are missing come after it: of a
resource whose incremental has `row_order="asc"`, or of one whose author asks `context.enough` and
remembers the place. Of any other the cursor moves once everything has arrived.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dlt.extract.incremental import Incremental, IncrementalResourceWrapper
from dlt.extract.items_transform import LimitItem

ROWS = 50_000
MIN_SECONDS, MAX_SECONDS = 5.0, 60.0
# Where one cursor value has more records than a piece, a piece of that size would come again for ever.
_GROWTH = 4


def seconds_for(remaining: float) -> float:
    """How long a piece may take to arrive: so that several fit into the time, and few are lost to it."""
    return min(max(remaining / 4, MIN_SECONDS), MAX_SECONDS)


@dataclass
class Chunks:
    """The pieces of one fetch. `unfinished`: resources of which the latest piece left something."""

    seconds: float
    rows: int = field(default_factory=lambda: ROWS)
    unfinished: set[str] = field(default_factory=set)
    _factor: dict[str, int] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _taken: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Before each piece."""
        self.unfinished = set()
        self._began = time.monotonic()
        self._taken = {}

    def limit_rows(self, name: str) -> int:
        return self.rows * self._factor.get(name, 1)

    def limit_seconds(self, name: str) -> float:
        return self.seconds * self._factor.get(name, 1)

    def took(self, name: str, records: int) -> None:
        self._taken[name] = self._taken.get(name, 0) + records

    def enough(self, name: str) -> bool:
        """What `context.enough` answers; a yes marks the resource as unfinished."""
        full = self._taken.get(name, 0) >= self.limit_rows(
            name
        ) or time.monotonic() - self._began > self.limit_seconds(name)
        if full:
            self.unfinished.add(name)
        return full

    def ended(self, state: Any) -> None:
        """After each piece: a resource whose place has not moved gets a larger one next time."""
        for name in self.unfinished:
            place = _place(state, name)
            if self._places.get(name) == place:
                self._factor[name] = self._factor.get(name, 1) * _GROWTH
            self._places[name] = place

    def limit(self, resource: Any) -> None:
        """Let the resource end early, if its order allows it; asked when its records come."""
        if not resource.is_transformer:
            resource.add_step(_Piece(self, resource))


class _Piece(LimitItem):
    """dlt's own limit, for resources in the order of their cursor alone."""

    def __init__(self, chunks: Chunks, resource: Any) -> None:
        self._name = str(resource.name)
        super().__init__(
            max_items=chunks.limit_rows(self._name),
            max_time=chunks.limit_seconds(self._name),
            count_rows=True,
        )
        self._chunks = chunks
        self._resource = resource

    def __call__(self, item: Any, meta: Any = None) -> Any:
        # Not before: an incremental that stands in a function's signature is made with its first record.
        cursor = cursor_of(self._resource)
        if cursor is None or cursor.row_order != "asc" or cursor.end_value is not None:
            # Of a closed period no place is kept from which a next piece could go on.
            return item
        given = super().__call__(item, meta)
        if self.exhausted:
            self._chunks.unfinished.add(self._name)
        return given


def cursor_of(resource: Any) -> Incremental[Any] | None:
    """The incremental of a resource, also where it is only the default of an argument yet."""
    found = resource.incremental
    if not isinstance(found, IncrementalResourceWrapper):
        return found if isinstance(found, Incremental) else None
    if found.incremental is not None:
        return found.incremental
    try:
        parameter = IncrementalResourceWrapper.get_incremental_arg(
            inspect.signature(resource._pipe.gen)
        )
    except (TypeError, ValueError):
        return None
    default = parameter.default if parameter is not None else None
    return default if isinstance(default, Incremental) else None


def keep_only(source: Any, names: set[str]) -> None:
    """Leave out what has arrived whole, but not what is made of what has not."""
    # Of the selected ones: what is there only to be a parent is read with its children, and not loaded.
    resources = source.selected_resources.items()
    kept = [name for name, resource in resources if set(_line(resource)) & names]
    source.resources.select(*kept)


def _line(resource: Any) -> Iterator[str]:
    """The resource and those that it is made of."""
    pipe = resource._pipe
    while pipe is not None:
        yield pipe.name
        pipe = pipe.parent


def _place(state: Any, name: str) -> str:
    """Where a resource is, as a text that changes when it moves."""
    found = []
    for source in state.get("sources", {}).values():
        held = dict(source.get("resources", {}).get(name, {}))
        cursors = held.pop("incremental", {})
        found.append([held, {path: cursor.get("last_value") for path, cursor in cursors.items()}])
    return json.dumps(found, default=str, sort_keys=True)
