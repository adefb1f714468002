"""A year of a thousand daily Integrations in which everything goes wrong now and then.

It fails with the seed, the Integration and what led there. SIMULATION_SEED tries another year.
"""

from __future__ import annotations

import gc
import os

import pytest
from tests.simulation.story import Story

from spark_operator.model.status import ErrorClass

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SIMULATION_SEED", "20270601"))


@pytest.mark.timeout(600)
def test_in_a_year_of_failures_every_slot_is_fetched_once_and_nothing_gets_stuck() -> None:
    story = Story(SEED, integrations=1000, days=365)
    # Hardly anything here refers to itself, and looking for it takes a fifth of the time.
    gc.disable()
    try:
        story.run()
    except AssertionError as error:
        raise AssertionError(f"SIMULATION_SEED={SEED}\n{error}") from error
    finally:
        gc.enable()
    seen = story.oracle.seen
    assert seen["claims"] > 300_000
    # A year in which nothing went wrong would prove nothing.
    for trouble in ("crashes", "strays", "crowded", "conflicts", "no answer", *ErrorClass):
        assert seen[trouble] >= 5, f"{trouble}: {seen}"
