"""Remembering which records of a list were loaded, where the list cannot be asked for news."""

from __future__ import annotations

import hashlib
import json
from typing import Any


class Seen:
    """Marks of the records that the list held at the last fetch, in the state of the resource.

    The state is loaded together with the records, so a record is never remembered that was lost.
    What has left the list is forgotten: the marks are never more than the list is long.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state
        self._known = set(state.get("marks", ()))
        self._now: list[str] = []
        self.met = 0

    @property
    def first(self) -> bool:
        """Whether nothing was ever remembered."""
        return not self._known

    def is_new(self, record: Any, *, keep: bool = True) -> bool:
        """Whether the record, as it is now, was not in the list at the last fetch. With `keep`
        it is remembered for the next one."""
        text = json.dumps(record, sort_keys=True).encode("utf-8", "surrogatepass")
        mark = hashlib.blake2b(text, digest_size=8).hexdigest()
        if keep:
            self._now.append(mark)
        if mark in self._known:
            self.met += 1
            return False
        return True

    def done(self) -> None:
        """At the end of the list."""
        self._state["marks"] = sorted(set(self._now))
