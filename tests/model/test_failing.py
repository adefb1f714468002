"""Which Integrations count as failing: those whose latest attempt failed."""

from __future__ import annotations

import pytest
from tests.decide.make import NOW, ago, failed, run, succeeded

from spark_operator.model.status import Status


@pytest.mark.parametrize(
    ("status", "failing"),
    [
        (Status(), False),
        (Status(run=run()), False),
        (Status(run=succeeded(), last_successful_update_at=NOW), False),
        (Status(run=failed(), last_failed_at=NOW), True),
        (Status(run=run(), last_failed_at=ago(minutes=1)), True),
        (
            Status(run=run(), last_failed_at=ago(minutes=1), last_successful_update_at=ago(days=1)),
            True,
        ),
        (
            Status(run=run(), last_failed_at=ago(days=1), last_successful_update_at=ago(minutes=1)),
            False,
        ),
    ],
    ids=[
        "never tried",
        "the first attempt goes on",
        "succeeded",
        "failed",
        "a retry goes on",
        "a retry goes on after an old success",
        "a fetch goes on after an old failure",
    ],
)
def test_failing_is_what_failed_at_its_latest_attempt(status: Status, failing: bool) -> None:
    assert status.failing is failing


def test_what_is_refused_without_an_attempt_is_not_failing() -> None:
    """Ready is False there too, for want of a Plugin or a config: that is in the condition."""
    fetched_before = Status(run=succeeded(), last_successful_update_at=NOW, conditions=())
    assert not fetched_before.failing
