"""A wall clock that is set is noticed once, whichever way it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spark_operator.serve.clock import Clock
from spark_operator.serve.jumps import Jumps


class SetClock(Clock):
    wall = datetime(2026, 1, 1, tzinfo=UTC)
    passed = 0.0

    def pass_time(self, seconds: float) -> None:
        self.passed += seconds
        self.wall += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed


def test_time_that_passes_is_no_jump() -> None:
    clock = SetClock()
    jumps = Jumps(clock)
    for _ in range(100):
        clock.pass_time(36.5)
        assert jumps.since_last() == 0


def test_a_jump_is_told_once_in_either_direction() -> None:
    clock = SetClock()
    jumps = Jumps(clock)
    for hours in (1, -1, -1):
        clock.pass_time(1)
        clock.wall += timedelta(hours=hours)
        assert round(jumps.since_last()) == hours * 3600
        assert jumps.since_last() == 0


def test_small_steps_add_up() -> None:
    clock = SetClock()
    jumps = Jumps(clock)
    told = []
    for _ in range(30):
        clock.wall += timedelta(seconds=0.1)
        told.append(jumps.since_last())
    assert 2 <= len([jump for jump in told if jump]) <= 3
