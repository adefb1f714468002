"""Whom a tick asks about."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.decide import make

from spark_operator.model.status import Run, Status
from spark_operator.serve.cache import Entry
from spark_operator.serve.leader import to_be_looked_at


def entry(
    *, run: Run | None = None, next_look: datetime | None = None, looked_at: float = 0.0
) -> Entry:
    made = Entry(make.integration(status=Status(run=run)))
    made.next_look, made.looked_at = next_look, looked_at
    return made


@pytest.mark.parametrize(
    ("about", "asked"),
    [
        (entry(run=make.run()), True),
        (entry(run=make.succeeded()), False),
        (entry(next_look=make.NOW + timedelta(seconds=30)), True),
        (entry(next_look=make.NOW + timedelta(seconds=31)), False),
        (entry(next_look=make.NOW - timedelta(days=1)), True),
        (entry(looked_at=-601.0), True),
        (entry(looked_at=-599.0), False),
    ],
    ids=["a run goes on", "it rests", "due soon", "due later", "overdue", "long ago", "lately"],
)
def test_a_tick_asks_about_runs_and_what_is_due_soon_and_what_nobody_looked_at_for_long(
    about: Entry, asked: bool
) -> None:
    assert to_be_looked_at(about, make.NOW, 0.0) is asked
