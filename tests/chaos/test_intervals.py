from __future__ import annotations

from tests.chaos.intervals import Intervals


def test_only_what_lies_in_none_of_them_counts() -> None:
    apart = Intervals([(10, 20), (40, 50), (15, 25)])
    assert apart.pairs() == [(10, 25), (40, 50)]
    assert apart.outside(0, 5) == 5
    assert apart.outside(0, 60) == 60 - 15 - 10
    assert apart.outside(12, 45) == 15
    assert apart.outside(12, 20) == 0
    assert apart.outside(30, 20) == 0


def test_an_empty_one_is_none() -> None:
    assert Intervals([(5, 5), (7, 6)]).pairs() == []
    assert not Intervals([(1, 2)]).touches(2, 3)
    assert Intervals([(1, 2)]).touches(1.5, 3)
