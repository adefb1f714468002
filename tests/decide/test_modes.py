"""What a request may ask for, that a check changes nothing, and what becomes of an unfinished backfill."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.decide.make import (
    NOW,
    ago,
    broken,
    failed,
    fetched,
    integration,
    job,
    scheduler,
    spec,
    view,
)

from spark_operator.decide.decision import Claim, Record, Wait
from spark_operator.decide.fetch import decide
from spark_operator.model import status as statuses
from spark_operator.model.integration import Integration
from spark_operator.model.pod import PodReport
from spark_operator.model.status import ErrorClass, Mode, Reason, Run, Trigger

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def asking(mode: str | None, since: str | None = None, token: str = "t1") -> dict[str, Any]:
    return {"requested_at": token, "requested_mode": mode, "requested_since": since}


def claimed(subject: Integration, now: datetime = NOW) -> Run:
    decision = decide(view(subject), now)
    assert isinstance(decision, Claim), decision
    assert decision.status.run is not None
    return decision.status.run


def ended(
    subject: Integration, now: datetime, pod: PodReport, *, succeeds: bool
) -> tuple[Integration, Record]:
    """Claimed at that time, and ended within the second as the pod tells."""
    claim = decide(view(subject), now)
    assert isinstance(claim, Claim), claim
    run = claim.status.run
    assert run is not None
    end = job(name=run.job_name, run_number=run.number, succeeded=succeeds, failed=not succeeds)
    facts = view(subject.with_status(claim.status), jobs=(replace(end, completed_at=now),), pod=pod)
    record = decide(facts, now)
    assert isinstance(record, Record), record
    return subject.with_status(record.status), record


def exit_code(code: int, message: str = '{"message": "Said so."}') -> PodReport:
    return PodReport(found=True, exit_code=code, termination_message=message)


def message(subject: Integration | statuses.Status) -> str:
    status = subject.status if isinstance(subject, Integration) else subject
    condition = status.condition("Ready")
    assert condition is not None
    return condition.message


@pytest.mark.parametrize("mode", ["fetch", "check", "reset"])
def test_the_claim_takes_what_was_asked_for_with_its_token(mode: str) -> None:
    run = claimed(fetched(ago(minutes=1), **asking(mode)))
    assert (run.mode, run.since, run.request, run.trigger) == (mode, None, "t1", Trigger.REQUESTED)


@pytest.mark.parametrize(
    ("since", "moment"),
    [
        ("2026-01-01", JANUARY),
        ("2026-01-01T01:30:00+01:30", JANUARY),
        ("2026-01-01t00:00:00z", JANUARY),
        ("2026-01-01T00:00:00.5Z", JANUARY),
    ],
)
def test_a_backfill_begins_at_a_date_or_a_time(since: str, moment: datetime) -> None:
    run = claimed(fetched(ago(minutes=1), **asking("backfill", since)))
    assert (run.mode, run.since) == (Mode.BACKFILL, moment)


@pytest.mark.parametrize(
    ("mode", "since", "named"),
    [
        ("Backfill", "2026-01-01", 'requestedMode is "Backfill", but must be fetch, check'),
        ("", None, 'requestedMode is ""'),
        ("x" * 200, None, "but must be fetch, check, reset or backfill"),
        ("backfill", None, "requestedSince is missing, but a backfill needs a date"),
        ("backfill", "", 'requestedSince is ""'),
        ("backfill", "yesterday", 'requestedSince is "yesterday"'),
        ("backfill", "2026-02-30", 'requestedSince is "2026-02-30"'),
        ("backfill", "20260101", 'requestedSince is "20260101"'),
        ("backfill", "2026-01-01T00:00:00", "a time such as"),
        ("backfill", "0001-01-01T00:00:00+14:00", "a time such as"),
        (None, "2026-01-01", "requestedSince needs spark-integrations.dev/requestedMode=backfill"),
    ],
)
def test_a_request_that_cannot_be_understood_is_named_once_and_starts_nothing_until_it_is_mended(
    mode: str | None, since: str | None, named: str
) -> None:
    subject = fetched(ago(minutes=1), **asking(mode, since))
    rests = decide(view(subject), NOW)
    assert isinstance(rests, Wait)
    assert named in message(rests.status)
    assert rests.announcement is not None
    assert rests.announcement.reason == "InvalidRequest"
    assert named in rests.announcement.message
    written = subject.with_status(rests.status)
    again = decide(view(written), NOW)
    assert isinstance(again, Wait)
    assert again.announcement is None
    assert again.status == rests.status
    # The scheduled fetch is nobody's answer: it leaves the token to be taken once it is mended.
    due = decide(view(written), NOW + timedelta(minutes=14))
    assert isinstance(due, Claim)
    assert due.status.last_handled_request is None
    assert due.status.run is not None
    assert (due.status.run.mode, due.status.run.request) == (Mode.FETCH, None)
    mended = replace(written, requested_mode="check", requested_since=None)
    assert claimed(mended).mode is Mode.CHECK


def test_what_is_left_of_an_earlier_request_hinders_nothing() -> None:
    handled = replace(
        fetched(ago(minutes=1), **asking("bogus", "never")),
        status=replace(fetched(ago(minutes=1)).status, last_handled_request="t1"),
    )
    rests = decide(view(handled), NOW)
    assert isinstance(rests, Wait)
    assert "ignored" not in message(rests.status)
    assert claimed(fetched(ago(minutes=1), **asking("fetch", "2026-01-01"))).since is None
    assert claimed(fetched(ago(minutes=1), **asking("check", "nonsense"))).mode is Mode.CHECK


def backfilling(**changes: Any) -> Run:
    return failed(mode=Mode.BACKFILL, since=JANUARY, request="t1", **changes)


def test_retries_keep_what_was_asked_for_whatever_the_annotations_say_by_then() -> None:
    last = backfilling(error_class=ErrorClass.TIMEOUT)
    subject = broken(last, **asking("check", "2020-01-01"))
    subject = subject.with_status(replace(subject.status, last_handled_request="t1"))
    retry = claimed(subject, NOW + timedelta(seconds=60))
    assert (retry.attempt, retry.mode, retry.since, retry.request) == (
        2,
        Mode.BACKFILL,
        JANUARY,
        "t1",
    )


def test_a_changed_spec_tries_the_same_work_again() -> None:
    subject = broken(backfilling(attempt=4), generation=2, spec=spec(timeout_seconds=900))
    run = claimed(subject)
    assert (run.attempt, run.mode, run.since, run.request) == (1, Mode.BACKFILL, JANUARY, "t1")


def test_after_the_cycle_has_failed_the_schedule_goes_on_with_plain_fetches() -> None:
    subject = broken(backfilling(attempt=4), failures=1)
    run = claimed(subject, NOW + timedelta(minutes=15))
    assert (run.attempt, run.mode, run.since, run.request) == (1, Mode.FETCH, None, None)


def test_a_run_tells_what_it_is() -> None:
    for mode, since, told in (
        ("check", None, "Run 8, a check, started at"),
        ("reset", None, "Run 8, a reset, attempt 1 of 4, started at"),
        ("backfill", "2026-01-01", "Run 8, a backfill since 2026-01-01T00:00:00Z, attempt 1 of 4"),
    ):
        claim = decide(view(fetched(ago(minutes=1), **asking(mode, since))), NOW)
        assert isinstance(claim, Claim)
        assert told in message(claim.status)


# --- the check

# With the seconds that the next fetch comes after now, had there been no check.
SITUATIONS = {
    "fetched": (fetched(ago(minutes=5)), 600),
    "in the ladder": (broken(failed(attempt=2)), 300),
    "limited": (
        broken(failed(error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=777)),
        777,
    ),
    "after a failed cycle": (broken(failed(attempt=4), failures=3), 3600),
    "after a lost run": (broken(failed(error_class=ErrorClass.LOST)), 60),
    "with a wrong password": (
        broken(
            failed(error_class=ErrorClass.PERMANENT, reason=Reason.INVALID_CREDENTIALS), failures=1
        ),
        900,
    ),
    "in a backfill": (broken(backfilling()), 60),
}


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_check_leaves_successes_failures_and_the_next_fetch_as_they_were(
    situation: str, passes: bool
) -> None:
    subject, seconds = SITUATIONS[situation]
    # Nothing passes Retry-After nor the grace of a lost run.
    waits = {"limited": 777, "after a lost run": 20}.get(situation, 0)
    at = NOW + timedelta(seconds=waits)
    before, asked = subject.status, replace(subject, **asking("check"))
    pod = exit_code(0 if passes else 10)
    after, _ = ended(asked, at, pod, succeeds=passes)
    status = after.status
    assert status.run is not None
    assert (status.run.mode, status.run.failed) == (Mode.CHECK, not passes)
    assert status.last_fetch == before.run
    assert (
        status.last_triggered_at,
        status.last_successful_update_at,
        status.last_failed_at,
        status.consecutive_failures,
        status.failing,
    ) == (
        before.last_triggered_at,
        before.last_successful_update_at,
        before.last_failed_at,
        before.consecutive_failures,
        before.failing,
    )
    ready, plain = status.condition("Ready"), decide(view(subject), NOW)
    assert isinstance(plain, Wait)
    was = plain.status.condition("Ready")
    assert ready is not None
    assert was is not None
    assert (ready.status, ready.reason) == (was.status, was.reason)
    assert f"The check at {statuses.timestamps.dump(at)} {'passed' if passes else 'failed'}" in (
        ready.message
    )

    due = max(NOW + timedelta(seconds=seconds), at)
    assert not isinstance(decide(view(after), due - timedelta(seconds=1)), Claim) or due == at
    unchecked = claimed(subject, due)
    following = claimed(after, due)
    assert (following.attempt, following.trigger, following.mode, following.since) == (
        unchecked.attempt,
        unchecked.trigger,
        unchecked.mode,
        unchecked.since,
    )
    claim = decide(view(after), due)
    assert isinstance(claim, Claim)
    assert claim.status.last_fetch is None


def test_a_second_check_keeps_the_fetch_before_the_first() -> None:
    subject = broken(failed(attempt=2))
    once, _ = ended(replace(subject, **asking("check")), NOW, exit_code(1), succeeds=False)
    twice, _ = ended(replace(once, **asking("check", token="t2")), NOW, exit_code(0), succeeds=True)
    assert twice.status.last_fetch == subject.status.run


def test_a_failed_check_is_an_event_and_a_passed_one_is_none() -> None:
    subject = replace(broken(failed()), **asking("check"))
    _, failing = ended(subject, NOW, exit_code(10), succeeds=False)
    assert failing.announcement is not None
    assert (failing.announcement.reason, failing.announcement.message) == (
        "CheckFailed",
        "Said so.",
    )
    _, passing = ended(subject, NOW, exit_code(0), succeeds=True)
    assert passing.announcement is None


def test_a_check_that_the_service_asks_to_wait_after_holds_the_next_fetch_back() -> None:
    subject = replace(fetched(ago(minutes=14)), **asking("check"))
    limited = exit_code(11, '{"message": "Too many.", "retryAfterSeconds": 500}')
    after, _ = ended(subject, NOW, limited, succeeds=False)
    early = decide(view(after), NOW + timedelta(seconds=499))
    assert isinstance(early, Wait)
    assert early.until == NOW + timedelta(seconds=500)
    assert claimed(after, NOW + timedelta(seconds=500)).mode is Mode.FETCH


def test_a_check_before_the_first_fetch_is_followed_by_it() -> None:
    after, _ = ended(integration(**asking("check")), NOW, exit_code(10), succeeds=False)
    reconciling = after.status.condition("Reconciling")
    ready = after.status.condition("Ready")
    assert ready is not None
    assert reconciling is not None
    assert (ready.status, reconciling.status) == ("Unknown", "True")
    assert claimed(after).mode is Mode.FETCH


def test_suspending_during_a_check_clears_the_back_off_of_the_fetch_before_it() -> None:
    asked = replace(broken(failed(attempt=4), failures=5), **asking("check"))
    claim = decide(view(asked), NOW)
    assert isinstance(claim, Claim)
    run = claim.status.run
    assert run is not None
    going = job(name=run.job_name, run_number=run.number, ready=True)
    running = view(asked.with_status(claim.status), jobs=(going,))
    suspended = decide(replace(running, scheduler=scheduler(suspend=True)), NOW)
    assert isinstance(suspended, Wait)
    assert suspended.status.last_fetch is not None
    assert suspended.status.last_fetch.generation is None
    over = replace(
        running,
        integration=asked.with_status(suspended.status),
        jobs=(replace(going, succeeded=True, completed_at=NOW),),
        pod=exit_code(0),
    )
    record = decide(over, NOW)
    assert isinstance(record, Record)
    assert claimed(asked.with_status(record.status)).attempt == 1
