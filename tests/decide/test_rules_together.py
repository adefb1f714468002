"""Where two rules meet: what a frequency, a ladder, a request, a change of spec and a pause make of each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.decide.make import (
    NOW,
    ago,
    broken,
    failed,
    fetched,
    fetching,
    integration,
    job,
    run,
    scheduler,
    spec,
    view,
)

from spark_operator.decide.decision import Claim, Record, Wait
from spark_operator.decide.fetch import decide
from spark_operator.model.integration import Integration
from spark_operator.model.pod import NO_POD, PodReport
from spark_operator.model.status import ErrorClass, Reason, Run, Trigger


def claimed(subject: Integration, **facts: object) -> Run:
    decision = decide(view(subject, **facts), NOW)
    assert isinstance(decision, Claim), decision
    assert decision.status.run is not None
    return decision.status.run


def until(subject: Integration, **facts: object) -> timedelta:
    decision = decide(view(subject, **facts), NOW)
    assert isinstance(decision, Wait), decision
    assert decision.until is not None
    return decision.until - NOW


def recorded(subject: Integration, exit_code: int, message: str) -> Integration:
    over = job(failed=True, failure_reason="BackoffLimitExceeded")
    pod = PodReport(found=True, exit_code=exit_code, termination_message=message)
    decision = decide(view(subject, jobs=(over,), pod=pod), NOW)
    assert isinstance(decision, Record)
    return subject.with_status(decision.status)


def test_slots_of_a_frequency_shorter_than_the_ladder_coalesce_into_the_retry() -> None:
    every_minute = spec(update_frequency_minutes=1)
    subject = broken(failed(attempt=3, finished_at=ago(minutes=9)), spec=every_minute)
    assert until(subject) == timedelta(minutes=1)
    late = broken(failed(attempt=3, finished_at=ago(hours=9)), spec=every_minute)
    assert (claimed(late).attempt, claimed(late).trigger) == (4, Trigger.RETRY)


@pytest.mark.parametrize("hours", [1, 24, 24 * 365])
def test_an_outage_in_the_ladder_costs_one_retry_as_the_next_attempt_and_no_catch_up(
    hours: int,
) -> None:
    subject = broken(failed(attempt=2, finished_at=ago(hours=hours)))
    assert claimed(subject).attempt == 3


def test_the_originals_frequency_window_holds_after_every_end_of_a_run() -> None:
    """Triggered within its frequency, it was skipped there. Here: it runs, or was fetched, or failed."""
    every = timedelta(minutes=15)
    for seconds in range(0, 16 * 60, 30):
        triggered = NOW - timedelta(seconds=seconds)
        done = triggered + timedelta(seconds=5)
        subject = fetched(done)
        skipped_there = NOW - triggered < every
        decision = decide(view(subject), max(NOW, done))
        if skipped_there:
            assert isinstance(decision, Wait)
        goes_on = fetching(run(started_at=triggered))
        assert not isinstance(decide(view(goes_on, jobs=(job(),)), NOW), Claim)
        assert recorded(goes_on, 1, "{}").status.last_triggered_at is None


@pytest.mark.parametrize(
    "last",
    [
        failed(attempt=4, finished_at=ago(minutes=1)),
        failed(error_class=ErrorClass.PERMANENT, reason=Reason.INVALID_CREDENTIALS),
        failed(attempt=2, error_class=ErrorClass.TIMEOUT),
    ],
    ids=["pause", "credentials", "ladder"],
)
def test_a_request_passes_ladder_and_pause_as_attempt_one(last: Run) -> None:
    asked = claimed(broken(last, failures=3, requested_at="t1"))
    assert (asked.attempt, asked.trigger) == (1, Trigger.REQUESTED)


def test_a_request_passes_the_frequency_and_many_requests_are_one() -> None:
    asked = fetched(ago(minutes=1), requested_at="t3")
    decision = decide(view(asked), NOW)
    assert isinstance(decision, Claim)
    assert decision.status.last_handled_request == "t3"
    done = fetched(NOW, requested_at="t3")
    rests = done.with_status(replace(done.status, last_handled_request="t3"))
    assert until(rests) == timedelta(minutes=15)


def test_a_request_does_not_start_within_the_grace_of_a_lost_run() -> None:
    lost = failed(error_class=ErrorClass.LOST, finished_at=ago(seconds=5))
    assert until(broken(lost, requested_at="t1")) == timedelta(seconds=15)


def test_while_the_scheduler_is_suspended_a_request_waits_and_then_one_run_takes_it() -> None:
    asked = fetched(ago(minutes=1), requested_at="t1")
    rests = decide(view(asked, scheduler=scheduler(suspend=True)), NOW)
    assert isinstance(rests, Wait)
    assert rests.status.last_handled_request is None
    assert claimed(asked.with_status(rests.status)).trigger is Trigger.REQUESTED


@pytest.mark.parametrize("last", [failed(attempt=2), failed(attempt=4)], ids=["ladder", "pause"])
def test_suspending_all_clears_every_back_off_but_not_what_the_service_asked_for(last: Run) -> None:
    rests = decide(view(broken(last, failures=4), scheduler=scheduler(suspend=True)), NOW)
    assert isinstance(rests, Wait)
    resumed = integration(status=rests.status)
    assert claimed(resumed).attempt == 1
    limited = failed(error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=90)
    rests = decide(view(broken(limited), scheduler=scheduler(suspend=True)), NOW)
    assert isinstance(rests, Wait)
    assert until(integration(status=rests.status)) == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("asked", "waits"), [(86_400, 86_400), (86_401, 86_400), (10**9, 86_400), (5, 60)]
)
def test_a_service_that_asks_for_longer_than_a_day_is_asked_again_after_a_day(
    asked: int, waits: int
) -> None:
    after = recorded(fetching(), 11, f'{{"message": "slow", "retryAfterSeconds": {asked}}}')
    assert until(after) == timedelta(seconds=waits)


def test_a_spec_changed_during_a_run_that_succeeds_leaves_the_normal_rule() -> None:
    changed = fetching(generation=2, spec=spec(update_frequency_minutes=60))
    done = job(succeeded=True, completed_at=NOW)
    decision = decide(view(changed, jobs=(done,), pod=NO_POD), NOW)
    assert isinstance(decision, Record)
    assert until(changed.with_status(decision.status)) == timedelta(minutes=60)


def test_a_spec_changed_during_a_run_that_fails_is_due_now_as_attempt_one() -> None:
    after = recorded(fetching(run(attempt=3), generation=2), 1, '{"message": "down"}')
    assert (claimed(after).attempt, claimed(after).generation) == (1, 2)


def test_a_success_ends_the_pause_and_the_count_of_failed_cycles() -> None:
    subject = fetching(run(attempt=1))
    subject = subject.with_status(replace(subject.status, consecutive_failures=7))
    done = job(succeeded=True, completed_at=NOW)
    decision = decide(view(subject, jobs=(done,), pod=NO_POD), NOW)
    assert isinstance(decision, Record)
    assert decision.status.consecutive_failures == 0


def test_a_plugin_that_comes_back_is_fetched_from_by_the_normal_rule() -> None:
    gone = decide(view(fetched(ago(minutes=5)), plugin=None), NOW)
    assert isinstance(gone, Wait)
    assert until(fetched(ago(minutes=5)).with_status(gone.status)) == timedelta(minutes=10)


def test_one_made_anew_under_its_name_owes_nothing_to_the_old_one() -> None:
    first, anew = claimed(integration()), claimed(integration(uid="another"))
    assert (first.number, anew.number) == (1, 1)
    assert first.job_name != anew.job_name
