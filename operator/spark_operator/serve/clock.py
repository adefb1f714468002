"""The three clocks, in one object that tests replace."""

import time
from datetime import UTC, datetime


class Clock:
    """``now`` is what timestamps mean, and may jump. The other two never go back.

    ``boottime`` goes on while the machine sleeps: a laptop or a frozen virtual machine that wakes must
    see that its Lease has run out, which CLOCK_MONOTONIC would hide.
    """

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
