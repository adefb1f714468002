"""What users do all the while: ask, change, suspend, delete and make anew."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from typing import Any

from tests.chaos import population
from tests.chaos.stage import Stage

_ACTS = {"request": 60, "change": 20, "suspend": 10, "make anew": 10, "clear failures": 10}
_MODES = {"fetch": 60, "check": 25, "reset": 5, "backfill": 10}


class People(threading.Thread):
    """Acts a few times a second until ``stage.ended``; then resumes what it suspended."""

    def __init__(self, stage: Stage, names: list[str], rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._names = names
        self._rng = rng
        self._suspended: list[str] = []
        self.acts: Counter[str] = Counter()

    def run(self) -> None:
        while not self._stage.ended.is_set():
            self._stage.pause(self._rng.uniform(0.1, 0.6))
            kind = self._rng.choices(list(_ACTS), list(_ACTS.values()))[0]
            name = self._rng.choice(self._names)
            self.acts[kind] += 1
            self._stage.by_hand(partial(self._act, kind, name))

    def _act(self, kind: str, name: str) -> None:
        world, rng = self._stage.world, self._rng
        if kind == "request":
            mode = rng.choices(list(_MODES), list(_MODES.values()))[0]
            world.request(name, str(self.acts.total()), mode=mode, since="2026-01-01")
        elif kind == "clear failures":
            world.annotate(name, resetAt=str(self.acts.total()))
        elif kind == "change":
            world.change(name, config=population.config(rng))
        elif kind == "suspend":
            self.resume(at_most=5)
            world.change(name, suspend=True)
            self._suspended.append(name)
        else:
            spec = population.spec(rng)
            world.delete("integration", name)
            self._make(name, spec)

    def _make(self, name: str, spec: dict[str, Any]) -> None:
        self._stage.by_hand_until_done(lambda: self._stage.world.make(name, **spec))

    def resume(self, *, at_most: int) -> None:
        """Resume the longest suspended until no more than ``at_most`` are."""
        while len(self._suspended) > at_most:
            self._stage.world.change(self._suspended[0], suspend=False)
            self._suspended.pop(0)
