"""Clearing failures without a fetch, and what is due then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.decide.make import (
    NOW,
    ago,
    broken,
    failed,
    fetched,
    fetching,
    job,
    run,
    spec,
    view,
)

from spark_operator.decide.decision import AskCapacity, Claim, Record, Wait
from spark_operator.decide.fetch import decide
from spark_operator.model.integration import Integration
from spark_operator.model.pod import PodReport
from spark_operator.model.status import ErrorClass, Mode, Reason, Trigger


def succeeded_then_failed(success: datetime, **changes: Any) -> Integration:
    """With three failed cycles behind it, the last of which ended now."""
    subject = broken(failed(attempt=4), failures=3, **changes)
    return subject.with_status(replace(subject.status, last_successful_update_at=success))


def rests(subject: Integration, now: datetime = NOW) -> Wait:
    decision = decide(view(subject), now)
    assert isinstance(decision, Wait), decision
    return decision


def ready(wait: Wait | Record) -> tuple[str, str, str]:
    condition = wait.status.condition("Ready")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_the_pause_ends_and_the_next_fetch_comes_by_the_frequency_from_the_last_success() -> None:
    success = ago(minutes=5)
    assert rests(succeeded_then_failed(success)).until == NOW + timedelta(hours=1)
    cleared = rests(succeeded_then_failed(success, reset_at="r1"))
    assert cleared.until == NOW + timedelta(minutes=10)
    assert cleared.status.consecutive_failures == 0
    assert cleared.status.last_handled_reset == "r1"
    assert not cleared.status.failing
    assert cleared.announcement is None
    status, reason, message = ready(cleared)
    # It is not ready before it has succeeded, but nothing stands against it any more.
    assert (status, reason) == ("False", Reason.PENDING)
    assert "spark-integrations.dev/resetAt has cleared that" in message
    stalled = cleared.status.condition("Stalled")
    assert stalled is not None
    assert stalled.status == "False"


@pytest.mark.parametrize("attempt", [1, 4])
def test_it_is_due_at_once_where_the_frequency_has_passed_and_as_a_plain_first_attempt(
    attempt: int,
) -> None:
    last = failed(attempt=attempt, mode=Mode.BACKFILL, since=ago(days=9), request="t0")
    subject = broken(last, failures=2, reset_at="r1")
    claim = decide(view(subject), NOW)
    assert isinstance(claim, Claim)
    begun = claim.status.run
    assert begun is not None
    assert (begun.attempt, begun.trigger, begun.mode) == (1, Trigger.SCHEDULED, Mode.FETCH)
    assert claim.status.last_handled_reset == "r1"
    assert claim.status.consecutive_failures == 0


def test_one_token_clears_once() -> None:
    once = rests(succeeded_then_failed(ago(minutes=5), reset_at="r1"))
    subject = succeeded_then_failed(ago(minutes=5), reset_at="r1").with_status(once.status)
    assert rests(subject).status == once.status
    failed_again = subject.with_status(
        replace(once.status, run=failed(attempt=4), consecutive_failures=1)
    )
    assert rests(failed_again).until == NOW + timedelta(minutes=15)
    assert rests(replace(failed_again, reset_at="r2")).until == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"error_class": ErrorClass.RATE_LIMITED, "retry_after_seconds": 500}, 500),
        ({"error_class": ErrorClass.LOST}, 20),
    ],
)
def test_it_passes_neither_retry_after_nor_the_grace_of_a_lost_run(
    changes: dict[str, Any], seconds: int
) -> None:
    subject = broken(failed(**changes), reset_at="r1")
    assert rests(subject).until == NOW + timedelta(seconds=seconds)


def test_after_a_success_it_changes_nothing_but_the_token() -> None:
    before = rests(fetched(ago(minutes=5)))
    after = rests(fetched(ago(minutes=5), reset_at="r1"))
    assert after.until == before.until
    assert after.status == replace(before.status, last_handled_reset="r1")


def test_a_spec_change_after_it_does_not_bring_the_failure_back() -> None:
    cleared = rests(succeeded_then_failed(ago(minutes=5), reset_at="r1"))
    changed = replace(
        succeeded_then_failed(ago(minutes=5), reset_at="r1").with_status(cleared.status),
        generation=2,
        spec=spec(timeout_seconds=900),
    )
    assert rests(changed).until == NOW + timedelta(minutes=10)


def test_a_run_that_goes_on_is_not_touched_and_should_it_fail_that_failure_counts() -> None:
    going = fetching(run(attempt=4))
    subject = replace(
        going.with_status(replace(going.status, consecutive_failures=6)), reset_at="r1"
    )
    waits = decide(view(subject, jobs=(job(ready=True),)), NOW)
    assert isinstance(waits, Wait)
    assert (waits.status.consecutive_failures, waits.status.last_handled_reset) == (0, "r1")
    record = decide(
        view(
            subject.with_status(waits.status),
            jobs=(job(failed=True, completed_at=NOW),),
            pod=PodReport(found=True, exit_code=1, termination_message='{"message": "No."}'),
        ),
        NOW,
    )
    assert isinstance(record, Record)
    assert record.status.consecutive_failures == 1
    assert record.status.run is not None
    assert not record.status.run.failure_cleared


@pytest.mark.parametrize(
    "held_back",
    [
        {"spec": spec(suspend=True)},
        {"spec": spec(service="none")},
    ],
)
def test_it_is_answered_whatever_else_holds_the_fetch_back(held_back: dict[str, Any]) -> None:
    subject = succeeded_then_failed(ago(minutes=5), reset_at="r1", **held_back)
    known = {} if subject.spec.suspend else {"plugin": None}
    decision = decide(view(subject, **known), NOW)
    assert isinstance(decision, Wait)
    assert (decision.status.consecutive_failures, decision.status.last_handled_reset) == (0, "r1")
    full = decide(view(replace(subject, spec=spec()), admitted=False), NOW + timedelta(hours=1))
    assert isinstance(full, AskCapacity)
    assert full.otherwise.status.last_handled_reset == "r1"


def test_it_clears_the_failure_before_a_check() -> None:
    subject = succeeded_then_failed(ago(minutes=5), reset_at="r1")
    check = replace(failed(number=8, error_class=ErrorClass.PERMANENT), mode=Mode.CHECK)
    checked = subject.with_status(replace(subject.status, run=check, last_fetch=subject.status.run))
    cleared = rests(checked)
    assert cleared.until == NOW + timedelta(minutes=10)
    assert cleared.status.run == check
    assert cleared.status.last_fetch is not None
    assert cleared.status.last_fetch.failure_cleared


def test_a_token_that_cannot_be_used_clears_nothing_and_is_named_once() -> None:
    subject = succeeded_then_failed(ago(minutes=5), reset_at="x" * 129)
    waits = rests(subject)
    assert waits.until == NOW + timedelta(hours=1)
    assert "resetAt is ignored" in ready(waits)[2]
    assert waits.announcement is not None
    assert waits.announcement.reason == "InvalidRequest"
    assert rests(subject.with_status(waits.status)).announcement is None
    # It hinders no request that stands beside it.
    asked = decide(view(replace(subject, requested_at="t1")), NOW)
    assert isinstance(asked, Claim)
