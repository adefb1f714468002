"""Whether a figure keeps its gate and its goal."""

from __future__ import annotations

from bench.budgets import Metric


def metric(name: str, value: float, reference: float | None = None) -> Metric:
    return Metric(name, value, 1000, 1, 1000, reference)


def test_where_less_is_better_the_bound_is_the_most() -> None:
    dumped = metric("forceP50", 80).dump()
    assert (dumped["met"], dumped["goalMet"]) == (True, False)
    assert metric("forceP50", 120).dump()["met"] is False


def test_where_more_is_better_the_bound_is_the_least_and_of_the_ratio() -> None:
    dumped = metric("dispatchesPerSecondToBare", 140, 200).dump()
    assert dumped["ratio"] == 0.7
    assert (dumped["met"], dumped["goalMet"]) == (True, False)
    assert metric("dispatchesPerSecondToBare", 100, 200).dump()["met"] is False


def test_without_a_reference_a_bound_of_the_ratio_is_neither_kept_nor_broken() -> None:
    assert metric("dispatchesPerSecondToBare", 140).dump()["met"] is None


def test_what_has_no_budget_is_told_without_a_verdict() -> None:
    dumped = metric("atOnceLatenessP50", 3, 6).dump()
    assert (dumped["ratio"], dumped["met"], dumped["goalMet"]) == (0.5, None, None)


def test_nothing_at_rest_keeps_a_bound_of_nothing() -> None:
    assert metric("idleRequests", 0).dump()["goalMet"] is True
