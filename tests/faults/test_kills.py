"""The leader is killed at random moments of dispatching; ``make kills`` does it hundreds of times."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.kills import Kills
from tests.faults.seeds import seed
from tests.support.recorder import Recorder
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_leaders_killed_in_the_middle_of_dispatching_double_and_lose_nothing(
    world: World, recorder: Recorder, tmp_path: Path
) -> None:
    kills = Kills(world, recorder, tmp_path, lease_seconds=3, seed=seed())
    try:
        kills.start()
        for _ in range(5):
            this = kills.round()
            print(this)
            assert not this.broken, str(this)
            # The Lease, its last retry, and two seconds for a busy machine.
            assert this.gap_seconds < 6, str(this)
    finally:
        kills.stop()
