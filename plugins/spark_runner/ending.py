"""Ending in time: by SIGTERM or by the budget, whatever the main thread is doing.

A thread waits for the first of both. It raises dlt's flag, so that a load in progress is drained,
and after a short grace ends the process itself: an author's code may hang in a read, in C, in a
retry loop. Dying so is no worse than `kill -9`, which a merge survives; but the message is written
and the exit code is right.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from spark_runner.outcome import Exit, Outcome
from spark_runner.stage import Stage

GRACE_SECONDS = 0.5
# A load that is nearly done is worth waiting for; the pod's grace period is 15 s.
LOADING_GRACE_SECONDS = 3.0
# For a renewed credential that is not saved yet. With the grace after it below what is kept back from
# the deadline (10 s) and below the pod's grace period (15 s).
SETTLING_SECONDS = 7.0
# For the thread that waits to say why, where the main thread was quicker.
NOTICING_SECONDS = 5.0


class Ending:
    """Started once at the beginning of the process; `why` is set when the end has come."""

    def __init__(
        self, budget_seconds: float, stage: Stage, finish: Callable[[Outcome], bool]
    ) -> None:
        """`finish` writes message and log, and says whether nothing was written before."""
        self.deadline = time.monotonic() + budget_seconds
        self._budget = budget_seconds
        self._stage = stage
        self._finish = finish
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._over = threading.Event()
        self._noticed = threading.Event()
        self.why: str | None = None

    def start(self) -> None:
        """From the main thread: take the signals and begin to wait."""
        # Process 1 of a pod ignores what has no handler, and Kubernetes would wait for its grace.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _remember)
        # Called for every handler, ours or the one that dlt puts over it.
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        threading.Thread(target=self._wait, name="ending", daemon=True).start()

    def has_come(self, *, by_a_signal: bool) -> bool:
        """Whether the end has come. `by_a_signal`: the main thread was just ended by one.

        dlt raises there as soon as a signal comes, and on a busy machine that is before the thread
        that waits has read of it: without a wait for that the fetch would count as failed.
        """
        if by_a_signal:
            self._noticed.wait(NOTICING_SECONDS)
        return self.why is not None

    def outcome(self) -> Outcome:
        """The outcome of a fetch whose time is over."""
        return Outcome(
            exit=Exit.TIMEOUT,
            message=f"{self.why or 'Stopped'} {self._stage}.",
            rows=self._stage.loaded or None,
        )

    def over(self) -> None:
        """The fetch has ended by itself: nothing is to be ended any more."""
        self._over.set()

    def _wait(self) -> None:
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.why = (
                    f"The time for this fetch ended after {self._budget:.0f} s (see "
                    "spec.timeoutSeconds)"
                )
                break
            if select.select([self._read], [], [], left)[0]:
                numbers = os.read(self._read, 64)
                if signal.SIGTERM in numbers or signal.SIGINT in numbers:
                    self.why = "Stopped by Kubernetes (SIGTERM)"
                    break
        self._noticed.set()
        self._stage.settled.wait(SETTLING_SECONDS)
        _tell_dlt()
        if self._over.wait(LOADING_GRACE_SECONDS if self._stage.loading else GRACE_SECONDS):
            return
        if self._finish(self.outcome()):
            os._exit(Exit.TIMEOUT)


def _remember(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has told the thread already."""


def _tell_dlt() -> None:
    # Only if it is there: to import it takes longer than the grace.
    signals = sys.modules.get("dlt.common.runtime.signals")
    if signals is not None:
        signals.set_received_signal(signal.SIGTERM)
        signals.wake_all()
