"""Exact wake-ups: one timer a key, collected so that what is due together is planned together."""

import asyncio
from collections.abc import Callable

# A wall clock may jump while a timer runs, so no timer runs for long; the tick looks in between.
MAX_DELAY_SECONDS = 3600.0


class Wakes:
    """``planned`` gets every key that fell due in one turn of the loop, in one call: fairness between
    them is decided there, and could not be if they came one by one."""

    def __init__(self, planned: Callable[[list[str]], None]) -> None:
        self._planned = planned
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._due: list[str] = []

    def set(self, key: str, delay_seconds: float) -> None:
        """Replace the wake-up of the key."""
        self.cancel(key)
        loop = asyncio.get_running_loop()
        delay = min(max(delay_seconds, 0.0), MAX_DELAY_SECONDS)
        self._timers[key] = loop.call_later(delay, self._fire, key)

    def cancel(self, key: str) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def clear(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._due.clear()

    def _fire(self, key: str) -> None:
        self._timers.pop(key, None)
        if not self._due:
            asyncio.get_running_loop().call_soon(self._flush)
        self._due.append(key)

    def _flush(self) -> None:
        due, self._due = self._due, []
        if due:
            self._planned(due)
