"""Times, tables and documents as they are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.decide.make import NOW, ago, fetched, integration, scheduler

from spark_cli.decide import schema, state
from spark_cli.show import table
from spark_cli.show.times import ago as told_ago
from spark_cli.show.times import ahead, duration
from spark_operator.model.status import Condition


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (30 * 3600, "30h"),
        (50 * 3600, "2d2h"),
        (20 * 86400, "20d"),
    ],
)
def test_a_duration_is_told_as_kubectl_does(seconds: int, told: str) -> None:
    assert duration(timedelta(seconds=seconds)) == told


def test_what_is_due_is_now_and_what_never_was_is_nothing() -> None:
    assert ahead(NOW, NOW) == "now"
    assert ahead(NOW + timedelta(minutes=15), NOW) == "in 15m"
    assert (ahead(None, NOW), told_ago(None, NOW)) == ("", "")
    # A clock that is a little behind is no future.
    assert told_ago(NOW + timedelta(seconds=2), NOW) == "0s ago"


def test_what_stands_in_a_cluster_can_neither_colour_nor_move_the_terminal() -> None:
    (_, line) = table.lines(("A", "B"), [("x\x1b[31m\ny", "[red]z[/red]")])
    assert line == "x[31m y   [red]z[/red]"


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_with_text() -> None:
    assert table.lines(("A", "LONG"), [("abc", ""), ("a", "b")]) == ["A     LONG", "abc", "a     b"]


def test_a_spec_that_nobody_has_looked_at_since_is_said() -> None:
    ready = Condition("Ready", "True", "Fetched", "Loaded.", 1, ago(minutes=1))
    status = replace(fetched(ago(minutes=1)).status, conditions=(ready,))
    seen = fetched(ago(minutes=1), status=status, generation=2)
    assert "no operator has looked at it since" in state.line(seen).why
    assert state.line(integration()).state == "Pending"
    assert "No operator has looked at it yet" in state.line(integration()).why


def test_an_operator_that_is_silent_is_told_of() -> None:
    assert state.silence(scheduler(), ago(seconds=30), NOW) == ""
    assert "has not checked since" in state.silence(scheduler(), ago(minutes=5), NOW)
    assert "No operator has checked" in state.silence(scheduler(), None, NOW)
    assert "There is no Scheduler" in state.silence(None, None, NOW)
    assert "suspended" in state.silence(scheduler(suspend=True), NOW, NOW)


def test_the_settings_of_a_service_are_read_out_of_its_schema() -> None:
    found = schema.settings(
        {
            "properties": {
                "url": {"type": "string", "description": "Where."},
                "pages": {"anyOf": [{"$ref": "#/$defs/Pages"}, {"type": "null"}], "default": None},
                "tables": {"type": "array", "items": {"$ref": "#/$defs/Table"}},
            },
            "required": ["url"],
            "$defs": {
                "Pages": {"properties": {"size": {"type": "integer", "default": 50}}},
                "Table": {"properties": {"name": {"enum": ["a", "b"]}}, "required": ["name"]},
            },
        }
    )
    assert [(s.path, s.type, s.required, s.default) for s in found] == [
        ("url", "string", True, ""),
        ("pages", "any", False, ""),
        ("pages.size", "integer", False, "50"),
        ("tables", "[any]", False, ""),
        ("tables[].name", "a|b", True, ""),
    ]
    assert found[0].description == "Where."
