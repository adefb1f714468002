"""When a fetch is due: the original's rule, and what a user may add to it."""

from __future__ import annotations

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
    plugin,
    scheduler,
    spec,
    view,
)

from spark_operator.decide.claim import job_name
from spark_operator.decide.decision import Claim, Wait
from spark_operator.decide.fetch import decide
from spark_operator.model.status import Outcome, Reason, Trigger


def claimed(decision: object) -> Claim:
    assert isinstance(decision, Claim), decision
    return decision


def waits(decision: object) -> Wait:
    assert isinstance(decision, Wait), decision
    return decision


def reason(decision: object) -> str:
    condition = waits(decision).status.condition("Ready")
    assert condition is not None
    return condition.reason


def test_one_that_was_never_fetched_is_due_at_once() -> None:
    claim = claimed(decide(view(integration()), NOW))
    assert claim.status.run is not None
    assert claim.status.run.outcome is Outcome.RUNNING
    assert claim.status.run.number == 1
    assert claim.status.run.trigger is Trigger.SCHEDULED
    assert claim.status.last_triggered_at == NOW


def test_it_is_due_its_frequency_after_the_last_success_and_not_a_second_before() -> None:
    early = view(fetched(ago(minutes=15) + timedelta(seconds=1)))
    assert waits(decide(early, NOW)).until == NOW + timedelta(seconds=1)
    assert claimed(decide(view(fetched(ago(minutes=15))), NOW)).status.run.number == 8  # type: ignore[union-attr]


def test_the_plugins_default_applies_where_no_frequency_is_given() -> None:
    subject = fetched(ago(minutes=30), spec=spec(update_frequency_minutes=None))
    slow = plugin(default_update_frequency_minutes=60)
    assert waits(decide(view(subject, plugin=slow), NOW)).until == NOW + timedelta(minutes=30)


def test_the_plugins_minimum_overrules_the_user_and_says_so() -> None:
    subject = fetched(ago(minutes=20))
    decision = decide(view(subject, plugin=plugin(min_update_frequency_minutes=60)), NOW)
    assert waits(decision).until == NOW + timedelta(minutes=40)
    ready = waits(decision).status.condition("Ready")
    assert ready is not None
    assert "15 is raised to 60" in ready.message


def test_after_an_outage_of_days_there_is_one_catch_up_and_no_more() -> None:
    claim = claimed(decide(view(fetched(ago(days=3))), NOW))
    after = fetched(NOW)
    assert claim.status.run is not None
    assert waits(decide(view(after), NOW)).until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(days=3650)])
def test_a_last_success_in_the_future_counts_as_absent(ahead: timedelta) -> None:
    claimed(decide(view(fetched(NOW + ahead)), NOW))


def test_a_last_success_a_few_seconds_ahead_is_another_clock_and_counts() -> None:
    waits(decide(view(fetched(NOW + timedelta(seconds=30))), NOW))


def test_the_originals_processing_state_is_the_running_claim() -> None:
    """last_triggered_at newer than last_successful_update_at: here exactly while a run goes on."""
    running, idle, done = fetching(), broken(failed()), fetched(NOW)
    for subject, processing in ((running, True), (idle, False), (done, False)):
        triggered = subject.status.last_triggered_at
        succeeded = subject.status.last_successful_update_at
        newer = triggered is not None and (succeeded is None or triggered > succeeded)
        assert newer is processing
        assert (subject.uid == running.uid and subject.status.run.running) is processing  # type: ignore[union-attr]


def test_the_originals_frequency_window_cannot_fire_on_its_own() -> None:
    """Whatever was triggered within its frequency is either running, not due, or failed."""
    subject = fetched(ago(minutes=3))
    assert not isinstance(decide(view(subject), NOW), Claim)


def test_suspended_means_no_claim_whoever_suspends() -> None:
    assert reason(decide(view(integration(spec=spec(suspend=True))), NOW)) == Reason.SUSPENDED
    suspended = view(integration(), scheduler=scheduler(suspend=True))
    assert reason(decide(suspended, NOW)) == Reason.SUSPENDED


def test_suspending_clears_the_back_off() -> None:
    subject = broken(failed(), failures=5, spec=spec(suspend=True))
    status = waits(decide(view(subject), NOW)).status
    resumed = broken(failed(), spec=spec(suspend=False))
    resumed = integration(status=status, spec=resumed.spec)
    claim = claimed(decide(view(resumed), NOW))
    assert claim.status.run is not None
    assert claim.status.run.attempt == 1


def test_without_a_scheduler_nothing_is_claimed() -> None:
    decision = waits(decide(view(integration(), scheduler=None), NOW))
    assert decision.until is None
    assert decision.status.next_update_at is None


def test_without_a_scheduler_looking_again_writes_nothing_even_with_a_request_that_waits() -> None:
    for subject in (integration(requested_at="t1"), fetched(NOW, requested_at="t1")):
        first = waits(decide(view(subject, scheduler=None), NOW))
        assert "There is no Scheduler" in first.status.conditions[0].message
        written = view(subject.with_status(first.status), scheduler=None)
        again = waits(decide(written, NOW + timedelta(minutes=10)))
        assert again.status == first.status


def test_without_its_plugin_it_is_stalled_until_somebody_acts() -> None:
    decision = waits(decide(view(integration(), plugin=None), NOW))
    assert reason(decision) == Reason.UNKNOWN_SERVICE
    assert decision.until is None
    stalled = decision.status.condition("Stalled")
    assert stalled is not None
    assert stalled.status == "True"
    assert decision.announcement is not None
    assert decision.announcement.warning


def test_one_that_is_being_deleted_is_left_alone() -> None:
    subject = integration(deleting=True)
    assert decide(view(subject), NOW) == Wait(None, subject.status)


def test_the_job_name_is_the_same_for_the_same_run_and_fits_a_label() -> None:
    long = integration(name="a." * 120 + "b")
    assert job_name(long, 7) == job_name(long, 7)
    assert job_name(long, 7) != job_name(long, 8)
    assert len(job_name(long, 10**9)) <= 63
    assert "." not in job_name(long, 7)
