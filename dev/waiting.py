"""Waiting for something to become true, never longer than allowed."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(test: Callable[[], object], seconds: float, what: str, every: float = 0.03) -> None:
    """Return when `test()` is true; TimeoutError names what was waited for."""
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise TimeoutError(f"timed out after {seconds:.0f} s: {what}")
        time.sleep(every)
