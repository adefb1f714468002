"""What a log line is worth writing for."""

from __future__ import annotations

import logging

import pytest
from kopf._cogs.clients.errors import APIError

from spark_operator.serve import logs


@pytest.mark.parametrize(
    ("logger", "message", "written"),
    [
        ("kopf._cogs.clients.watching", "Request attempt #1 failed; will retry: GET x", True),
        ("kopf._cogs.clients.watching", "Request attempt #2 failed; will retry: GET x", False),
        ("kopf._cogs.clients.watching", "Request attempt #10 failed; will retry: GET x", False),
        ("kopf._cogs.clients.watching", "Request attempt #10 failed; escalating: GET x", True),
        ("spark_operator", "Request attempt #2 failed; will retry: GET x", True),
    ],
)
def test_an_outage_is_told_once_a_watch_and_not_at_each_attempt(
    logger: str, message: str, written: bool
) -> None:
    record = logging.LogRecord(logger, logging.ERROR, "", 0, message, (), None)
    assert logs.first_attempt(record) is written


def test_a_warning_that_an_outage_multiplies_is_shown_ten_times_and_then_counted() -> None:
    now = 0.0
    collapse = logs.Collapse(most=10, seconds=10.0, monotonic=lambda: now)

    def record(message: str, **extra: object) -> logging.LogRecord:
        return logging.makeLogRecord({"msg": message, "levelno": logging.WARNING, **extra})

    def shown(message: str, times: int, **extra: object) -> int:
        return sum(collapse(record(message, **extra)) for _ in range(times))

    assert shown("request failed", 300, collapse=True) == 10
    assert shown("event not posted", 3, collapse=True) == 3
    assert shown("run failed", 300) == 300
    now = 11.0
    later = record("request failed", collapse=True)
    assert collapse(later)
    assert later.getMessage() == "request failed (and 290 more like it, not shown)"
    now = 22.0
    later = record("request failed", collapse=True)
    assert collapse(later)
    assert later.getMessage() == "request failed"


@pytest.mark.parametrize(
    ("logger", "error", "shown"),
    [
        ("kopf.reactor", APIError("refused", status=403, headers={}), False),
        ("kopf.reactor", ConnectionResetError("away"), False),
        ("kopf.reactor", ValueError("a defect in a handler"), True),
        ("spark_operator", ConnectionResetError("away"), True),
    ],
)
def test_the_stack_is_shown_of_our_own_defects_and_not_of_a_refused_watch(
    logger: str, error: Exception, shown: bool
) -> None:
    about = (type(error), error, error.__traceback__)
    record = logging.LogRecord(logger, logging.ERROR, "", 0, "failed", (), about)
    assert logs.brief(record)
    text = logs.TextFormatter().format(record)
    assert (type(error).__name__ in text) is shown
