"""What nests too deep is cut, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_operator.model.nesting import CUT, MAX_DEPTH, depth, shallow

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["{[", '"}', "\\", "]"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def nested(depth: int, inner: str = "1", opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


@given(VALUES)
def test_what_is_shallow_stays_as_it_is(value: Any) -> None:
    document = json.dumps(value).encode()
    assert shallow(document) == document


@given(VALUES, st.integers(0, 3 * MAX_DEPTH))
def test_what_remains_is_the_document_down_to_the_bound(value: Any, around: int) -> None:
    inner = json.dumps(value)
    found = json.loads(shallow(nested(around, inner)))
    assert depth(found) <= MAX_DEPTH
    if around + depth(value) <= MAX_DEPTH:
        assert found == json.loads(nested(around, inner))
    else:
        assert CUT in json.dumps(found)


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
def test_the_deepest_that_the_api_server_takes_can_be_read(opening: str, closing: str) -> None:
    deep = nested(10_000 // opening.count("{") if "{" in opening else 10_000, "1", opening, closing)
    found = json.loads(shallow(b'{"before":[1,{}],"deep":' + deep + b',"after":{"b":"}]"}}'))
    assert (found["before"], found["after"]) == ([1, {}], {"b": "}]"})
    assert depth(found) == MAX_DEPTH


def test_brackets_in_strings_do_not_count() -> None:
    document = json.dumps({"text": "{[" * 5000 + '\\"' * 100, "list": ["]}" * 5000]}).encode()
    assert shallow(document) == document


def test_what_is_broken_off_in_the_deep_ends() -> None:
    assert shallow(b"[" * 5000).count(b"[") == MAX_DEPTH
