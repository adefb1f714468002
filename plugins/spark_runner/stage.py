"""Where a fetch is: said when its time is over."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Stage:
    """`name` reads as "while …"; `records` counts what was received, by resource, and `loaded`
    what was committed to the destination."""

    name: str = "starting"
    loading: bool = False
    loaded: int = 0
    records: Counter[str] = field(default_factory=Counter)
    # Not set while a credential is renewed and not saved yet: the end waits for it.
    settled: threading.Event = field(default_factory=_set)

    def enter(self, name: str, *, loading: bool = False) -> None:
        self.name, self.loading = name, loading

    def __str__(self) -> str:
        # Counted in the main thread and read in another: a copy cannot change under the loop.
        counted = dict(self.records)
        kept = f"; {self.loaded} are loaded and stay" if self.loaded else ""
        if not counted:
            return f"while {self.name}"
        shown = ", ".join(f'{count} of "{name}"' for name, count in list(counted.items())[:3])
        return f"while {self.name} (records so far: {shown}{kept})"
