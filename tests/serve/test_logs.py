"""What a log line is worth writing for."""

from __future__ import annotations

import logging

import pytest

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
