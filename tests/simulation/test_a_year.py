"""A year of a thousand daily Integrations in which everything goes wrong now and then.

It fails with the seed, the Integration and what led there. SIMULATION_SEED tries another year. Two
installations of five hundred share it, so that two cores do.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from tests.simulation.story import Story

from spark_operator.model.status import ErrorClass

SEED = int(os.environ.get("SIMULATION_SEED", "20270601"))
TROUBLE = ("crashes", "no answer", "conflicts", "strays", "checks", "resets", *ErrorClass)


def lived_through(seed: int, **story: Any) -> Counter[str]:
    """What happened, counted."""
    told = Story(seed, **story)
    # Hardly anything here refers to itself, and looking for it takes a fifth of the time.
    gc.disable()
    try:
        told.run()
    except AssertionError as error:
        raise AssertionError(f"SIMULATION_SEED={seed}\n{error}") from error
    finally:
        gc.enable()
    return told.oracle.seen


def test_in_weeks_of_trouble_every_slot_is_fetched_once_and_nothing_gets_stuck() -> None:
    """A few hourly ones, with everything that may happen in a year happening within days."""
    seen = lived_through(SEED, integrations=40, days=20, minutes=60, trouble=20)
    assert seen["claims"] > 10_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_a_year_every_slot_is_fetched_once_and_nothing_gets_stuck() -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as halves:
        lives = [
            halves.submit(lived_through, SEED + half, integrations=500, days=365)
            for half in range(2)
        ]
        seen = sum((life.result() for life in lives), Counter())
    assert seen["claims"] > 340_000
    # Each fetch is written twice, at its claim and at its end; other words need a reason, and few have.
    assert seen["successes"] + seen["failures"] >= seen["claims"] - 1000
    assert seen["reworded"] < seen["claims"] / 8
    # A year in which nothing went wrong would prove nothing.
    assert min(seen[trouble] for trouble in TROUBLE) > 0, seen
