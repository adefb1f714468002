"""Waiting for a condition with a deadline: the one place where tests of real processes let time pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(
    condition: Callable[[], bool], seconds: float, why: Callable[[], str] | str = "in vain"
) -> float:
    """How long it took. Raises AssertionError with ``why`` when the deadline passed."""
    started = time.monotonic()
    pause = threading.Event()
    while not condition():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"after {seconds} s: {why if isinstance(why, str) else why()}")
        pause.wait(0.02)
    return time.monotonic() - started
