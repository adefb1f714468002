"""Who goes first when places are few."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spark_operator.decide.capacity import Candidate, Limits, admit, in_turn


def candidate(name: str, **changes: Any) -> Candidate:
    base: dict[str, Any] = {
        "uid": name,
        "namespace": "a",
        "name": name,
        "service": "s",
        "requested": False,
        "first": False,
        "overdue": 0.0,
    }
    return Candidate(**{**base, **changes})


PLENTY = Limits(1000, {"s": 1000, "t": 1000})


def names(candidates: list[Candidate]) -> list[str]:
    return [c.name for c in candidates]


def test_within_a_namespace_requests_go_first_then_first_fetches_then_the_most_overdue() -> None:
    waiting = [
        candidate("late", overdue=2.0),
        candidate("later", overdue=5.0),
        candidate("new", first=True),
        candidate("asked", requested=True),
    ]
    admitted = admit(waiting, in_flight=(), limits=PLENTY, after="")
    assert names(admitted) == ["asked", "new", "later", "late"]


def test_namespaces_take_turns_so_a_large_one_delays_a_small_one_by_one_place() -> None:
    crowd = [candidate(f"n{i:03}", namespace="big", overdue=9.0) for i in range(100)]
    one = candidate("one", namespace="small")
    admitted = admit([*crowd, one], in_flight=(), limits=Limits(2, {"s": 100}), after="")
    assert names(admitted) == ["n000", "one"]


def test_the_turn_goes_on_after_the_namespace_that_was_served_last() -> None:
    waiting = [candidate(n, namespace=n) for n in ("a", "b", "c")]
    assert names(in_turn(waiting, after="a")) == ["b", "c", "a"]
    assert names(in_turn(waiting, after="c")) == ["a", "b", "c"]


def test_a_service_at_its_limit_holds_back_only_its_own() -> None:
    waiting = [candidate("x", overdue=9.0), candidate("y", service="t")]
    limits = Limits(10, {"s": 1, "t": 1})
    assert names(admit(waiting, in_flight=["s"], limits=limits, after="")) == ["y"]


def test_what_flies_already_counts_against_the_total() -> None:
    limits = Limits(3, {"s": 10, "t": 10})
    waiting = [candidate("x"), candidate("y")]
    assert names(admit(waiting, in_flight=["s", "t"], limits=limits, after="")) == ["x"]


_candidates = st.lists(
    st.builds(
        Candidate,
        uid=st.uuids().map(str),
        namespace=st.sampled_from("abc"),
        name=st.text("xyz", min_size=1, max_size=3),
        service=st.sampled_from("stu"),
        requested=st.booleans(),
        first=st.booleans(),
        overdue=st.floats(0, 100),
    ),
    max_size=30,
)


@given(
    waiting=_candidates,
    flying=st.lists(st.sampled_from("stu"), max_size=10),
    total=st.integers(0, 20),
    each=st.integers(0, 8),
    after=st.sampled_from(["", "a", "b", "c"]),
)
def test_limits_hold_and_no_place_stays_empty_while_somebody_may_take_it(
    waiting: list[Candidate], flying: list[str], total: int, each: int, after: str
) -> None:
    limits = Limits(total, dict.fromkeys("stu", each))
    admitted = admit(waiting, in_flight=flying, limits=limits, after=after)
    after_all = Counter(flying) + Counter(c.service for c in admitted)
    assert len(admitted) == len({c.uid for c in admitted})
    if admitted:
        assert after_all.total() <= total
        assert all(after_all[c.service] <= each for c in admitted)
    left = [c for c in waiting if c not in admitted]
    if after_all.total() < total:
        assert all(after_all[c.service] >= each for c in left)
