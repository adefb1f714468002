"""Stretches of time, and how much of another stretch they leave."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Intervals:
    """A set of moments, given as (start, end) in any order, overlapping or not."""

    def __init__(self, pairs: Iterable[tuple[float, float]] = ()) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for start, end in sorted(pairs):
            if end <= start:
                continue
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def pairs(self) -> list[tuple[float, float]]:
        return list(zip(self._starts, self._ends, strict=True))

    def outside(self, start: float, end: float) -> float:
        """How many seconds of [start, end) lie in none of these."""
        left = max(0.0, end - start)
        at = max(0, bisect_right(self._starts, start) - 1)
        while at < len(self._starts) and self._starts[at] < end:
            left -= max(0.0, min(end, self._ends[at]) - max(start, self._starts[at]))
            at += 1
        return left

    def touches(self, start: float, end: float) -> bool:
        return self.outside(start, end) < end - start
