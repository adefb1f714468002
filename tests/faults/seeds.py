"""The seed of what is random in these tests: a failure names it, and SEED repeats it."""

from __future__ import annotations

import os
import random


def seed() -> int:
    """SEED of the environment, else a new one; printed, so that pytest shows it with a failure."""
    chosen = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SEED={chosen}", flush=True)
    return chosen
