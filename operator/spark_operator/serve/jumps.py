"""Notices that the wall clock was set, or that the machine slept: timers are wrong afterwards.

Wakes count monotonic time to a moment of the wall clock. When that clock is set, or goes on while the
monotonic one rests in a suspended machine, they come early or hours late, and nothing else would tell.
"""

from spark_operator.serve.clock import Clock

# More than what reading two clocks one after the other, or slewing in a minute, can make of it.
_TOLERANCE_SECONDS = 1.0


class Jumps:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._difference = self._measured()

    def _measured(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def since_last(self) -> float:
        """By how many seconds the wall clock jumped since the last one told of; 0 where it did not."""
        measured = self._measured()
        jump = measured - self._difference
        if abs(jump) < _TOLERANCE_SECONDS:
            return 0.0
        self._difference = measured
        return jump
