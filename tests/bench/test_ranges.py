"""The regression gate: what lies outside is told, and so is what nobody measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.budgets import BUDGETS, Metric
from bench.ranges import Range

from bench import ranges


def metric(name: str, value: float, reference: float | None = None) -> Metric:
    return Metric(name, value, 200, 1, 200, reference)


def test_the_ranges_of_the_repository_are_of_figures_that_exist() -> None:
    assert {one.metric for one in ranges.load()} <= set(BUDGETS)


def test_a_ratio_below_its_range_is_told_with_what_was_measured() -> None:
    slow = metric("dispatchesPerSecondToBare", 20, 100)
    told = ranges.broken([Range("dispatchesPerSecondToBare", "ratio", 0.3, None)], [slow])
    assert told == ["ratio of dispatchesPerSecondToBare at least 0.3: measured 0.2"]


def test_the_bounds_themselves_are_within() -> None:
    one = Range("writesPerFetch", "value", 3.9, 4.2)
    assert ranges.broken([one], [metric("writesPerFetch", 4.2)]) == []
    assert ranges.broken([one], [metric("writesPerFetch", 3.9)]) == []
    assert len(ranges.broken([one], [metric("writesPerFetch", 4.3)])) == 1


def test_every_measurement_of_a_figure_is_held_to_its_range() -> None:
    one = Range("idleCpu", "value", None, 3)
    assert len(ranges.broken([one], [metric("idleCpu", 1), metric("idleCpu", 5)])) == 1


def test_a_figure_that_was_not_measured_is_no_pass() -> None:
    assert ranges.broken([Range("idleCpu", "value", None, 3)], []) == [
        "value of idleCpu at most 3: not measured"
    ]


def test_a_ratio_without_a_reference_is_no_pass() -> None:
    told = ranges.broken([Range("idleCpu", "ratio", None, 3)], [metric("idleCpu", 1)])
    assert told == ["ratio of idleCpu at most 3: there is no reference"]


@pytest.mark.parametrize(
    "text",
    [
        "speed: {value: {max: 1}}",
        "idleCpu: {values: {max: 1}}",
        "idleCpu: {value: {most: 1}}",
        "idleCpu: {value: {}}",
    ],
)
def test_what_would_be_ignored_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ranges.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"ranges\.yaml"):
        ranges.load(path)
