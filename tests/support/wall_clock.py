"""A wall clock that jumps in the processes that are given it, while they run. All others keep theirs."""

from __future__ import annotations

import glob
from pathlib import Path

from dev.packages import FAKE_TIME


class WallClock:
    """libfaketime reads the offset anew at each reading of the clock; the monotonic clocks stay true."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall-clock"
        self.move(0)

    def move(self, seconds: int) -> None:
        """From now on it differs by this much from the machine's."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        # In one step: a process that reads half of it would take the machine's own time.
        new.replace(self._file)

    def tidy(self) -> None:
        """Each process leaves a semaphore and a page of shared memory, if it is killed."""
        for left in Path("/dev/shm").glob("*faketime_*_*"):
            if not Path("/proc", left.name.rpartition("_")[2]).exists():
                left.unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": glob.glob(FAKE_TIME)[0],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
