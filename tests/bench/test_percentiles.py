"""Nearest rank: the value that so many per cent do not exceed."""

from __future__ import annotations

import pytest
from bench.percentiles import percentile


def test_the_median_of_an_even_number_is_the_lower_of_the_two_in_the_middle() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2


def test_p99_of_a_thousand_leaves_ten_out() -> None:
    assert percentile(list(range(1000)), 99) == 989


def test_p99_of_few_is_the_worst() -> None:
    assert percentile([0.1, 9.0, 0.2], 99) == 9.0


def test_one_value_is_every_percentile() -> None:
    assert percentile([7], 0) == percentile([7], 50) == percentile([7], 100) == 7


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)
