"""How far a request is, judged from the status alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.decide.make import (
    NOW,
    ago,
    failed,
    fetched,
    fetching,
    integration,
    plugin,
    run,
    succeeded,
)

from spark_cli.decide import progress
from spark_cli.decide.progress import Asked, Phase, Step
from spark_operator.model.integration import Integration
from spark_operator.model.status import Condition, ErrorClass, Mode, Reason, Status

ASKED = Asked(integration().uid, "team-a", "alice", "t1", ago(seconds=2))


def asking(status: Status, **changes: Any) -> Integration:
    return integration(requested_at="t1", requested_mode="fetch", status=status, **changes)


def step(subject: Integration | None, asked: Asked = ASKED) -> Step:
    return progress.of(asked, subject, plugin(), NOW)


def ready(reason: str, message: str = "So it is.") -> Condition:
    return Condition("Ready", "False", reason, message, 1, NOW)


def test_it_waits_until_the_operator_takes_it() -> None:
    assert step(asking(Status())).phase is Phase.WAITING


def test_during_another_run_it_waits_for_that() -> None:
    told = step(asking(Status(run=run(request="t0"))))
    assert told.phase is Phase.WAITING
    assert "Run 7 goes on" in told.message


def test_its_run_goes_on_succeeds_or_fails() -> None:
    assert step(asking(Status(run=run(request="t1")))).phase is Phase.RUNNING
    done = step(asking(Status(run=succeeded(request="t1", rows=1))))
    assert (done.phase, done.message, done.rows) == (Phase.SUCCEEDED, "1 row loaded.", 1)
    last = step(asking(Status(run=failed(request="t1", attempt=4))))
    assert (last.phase, last.message) == (Phase.FAILED, "The host is down.")


def test_a_failure_with_retries_left_is_no_end() -> None:
    told = step(asking(Status(run=failed(request="t1", attempt=2), last_handled_request="t1")))
    assert told.phase is Phase.RETRYING
    assert not told.ended
    assert told.next_at == NOW + timedelta(seconds=300)
    assert "Attempt 2 of 4 failed, retries go on" in told.message


def test_what_is_not_retried_is_an_end() -> None:
    permanent = failed(request="t1", error_class=ErrorClass.PERMANENT)
    assert step(asking(Status(run=permanent))).phase is Phase.FAILED


def test_a_failure_whose_spec_was_changed_since_is_tried_again() -> None:
    changed = asking(Status(run=failed(request="t1", attempt=4)), generation=2)
    assert step(changed).phase is Phase.RETRYING


def test_a_check_has_one_attempt() -> None:
    check = failed(request="t1", mode=Mode.CHECK)
    assert step(asking(Status(run=check))).phase is Phase.FAILED


def test_the_fetch_before_a_check_is_found() -> None:
    status = Status(
        run=run(number=8, mode=Mode.CHECK, request="t2"), last_fetch=succeeded(request="t1")
    )
    assert step(asking(status)).phase is Phase.SUCCEEDED


def test_what_is_gone_or_another_is_deleted() -> None:
    assert step(None).phase is Phase.DELETED
    assert step(replace(asking(Status()), uid="other")).phase is Phase.DELETED
    assert step(asking(Status(), deleting=True)).phase is Phase.DELETED


def test_another_request_in_its_place_ends_it() -> None:
    other = integration(requested_at="t2", requested_mode="fetch")
    assert step(other).phase is Phase.SUPERSEDED


def test_a_run_that_nobody_saw_is_judged_by_the_last_success() -> None:
    later = run(number=9)
    since = Status(run=later, last_handled_request="t1", last_successful_update_at=NOW)
    assert step(asking(since)).phase is Phase.SUCCEEDED
    before = replace(since, last_successful_update_at=ago(minutes=5))
    assert step(asking(before)).phase is Phase.SUPERSEDED


@pytest.mark.parametrize("reason", ["UnknownService", "InvalidConfig", "Suspended"])
def test_what_holds_it_back_for_long_ends_it_and_not_what_stood_there_before(reason: str) -> None:
    status = Status(conditions=(ready(reason),))
    assert step(asking(status)).phase is Phase.WAITING
    old = replace(ASKED, at=NOW - progress.PATIENCE)
    told = step(asking(status), old)
    assert (told.phase, told.message) == (Phase.HELD, "So it is.")


def test_a_suspended_integration_holds_it_at_once() -> None:
    spec = replace(integration().spec, suspend=True)
    assert step(asking(Status(), spec=spec)).phase is Phase.HELD


@pytest.mark.parametrize("reason", ["UnknownService", "InvalidConfig", "Suspended"])
def test_what_is_refused_or_suspended_between_two_attempts_is_not_waited_for(reason: str) -> None:
    status = Status(run=failed(request="t1"), conditions=(ready(reason),))
    told = step(asking(status))
    assert told.phase is Phase.HELD
    assert told.message == "The host is down. So it is."


def test_a_run_that_was_refused_has_failed() -> None:
    refused = failed(request="t1", error_class=ErrorClass.PERMANENT, reason=Reason.INVALID_CONFIG)
    status = Status(run=refused, conditions=(ready("InvalidConfig"),))
    assert step(asking(status)).phase is Phase.FAILED


def test_without_an_operator_it_says_who_tells_why() -> None:
    told = step(asking(Status()), replace(ASKED, at=ago(minutes=2)))
    assert told.phase is Phase.WAITING
    assert "kubectl spark doctor" in told.message


def test_a_silent_operator_is_what_is_waited_for_and_not_what_stands_in_the_status() -> None:
    loaded = Status(conditions=(ready("Fetched", "Loaded 120 rows."),))
    busy = Status(run=run(request="t0"))
    old = replace(ASKED, at=NOW - progress.PATIENCE)
    for status in (loaded, busy):
        told = progress.of(old, asking(status), plugin(), NOW, "The operator has not checked.")
        assert (told.phase, told.message) == (Phase.WAITING, "The operator has not checked.")
        soon = progress.of(ASKED, asking(status), plugin(), NOW, "The operator has not checked.")
        assert soon.message != "The operator has not checked.", "it may be about to come back"
    done = asking(Status(run=succeeded(request="t1")))
    assert progress.of(old, done, plugin(), NOW, "Silent.").phase is Phase.SUCCEEDED


def test_a_time_that_the_service_asked_for_is_waited_for_and_told() -> None:
    limited = Status(conditions=(ready("RateLimited", "Come back later."),), next_update_at=NOW)
    told = step(asking(limited), replace(ASKED, at=ago(minutes=2)))
    assert (told.phase, told.message, told.next_at) == (Phase.WAITING, "Come back later.", NOW)


def test_a_run_that_went_on_already_is_followed_through_its_retries() -> None:
    joined = Asked(integration().uid, "team-a", "alice", None, NOW, run=7)
    assert step(fetching(), joined).phase is Phase.RUNNING
    assert step(integration(status=Status(run=failed())), joined).phase is Phase.RETRYING
    again = run(number=8, attempt=2)
    assert step(integration(status=Status(run=again)), joined).phase is Phase.RUNNING
    done = succeeded(number=8, attempt=2)
    assert step(integration(status=Status(run=done)), joined).phase is Phase.SUCCEEDED


def test_a_check_after_the_run_that_was_joined_is_not_taken_for_it() -> None:
    joined = Asked(integration().uid, "team-a", "alice", None, NOW, run=7)
    check = run(number=8, mode=Mode.CHECK)
    lost = integration(status=Status(run=check, last_fetch=failed(attempt=4)))
    assert step(lost, joined).phase is Phase.FAILED
    again = integration(status=Status(run=check, last_fetch=failed()))
    assert step(again, joined).phase is Phase.RETRYING


def test_a_run_after_the_one_that_was_joined_is_not_taken_for_it() -> None:
    joined = Asked(integration().uid, "team-a", "alice", None, NOW, run=7)
    later = fetched(NOW, status=Status(run=run(number=8), last_successful_update_at=NOW))
    assert step(later, joined).phase is Phase.SUCCEEDED
    unknown = integration(status=Status(run=run(number=8)))
    assert step(unknown, joined).phase is Phase.SUPERSEDED
