"""The ladder, the classes, Retry-After, the pause after a failed cycle, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

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
    spec,
    succeeded,
    view,
)

from spark_operator.decide.claim import job_name
from spark_operator.decide.decision import Claim, Record, Wait
from spark_operator.decide.fetch import decide
from spark_operator.model import status
from spark_operator.model.pod import PodReport
from spark_operator.model.status import ErrorClass, Reason, Status, Trigger


def next_claim(subject: object, *, after: datetime = NOW) -> datetime:
    """When it is claimed next, found by asking; and that it is not claimed a second before."""
    decision = decide(view(subject), after)  # type: ignore[arg-type]
    if isinstance(decision, Claim):
        return after
    assert isinstance(decision, Wait)
    assert decision.until is not None
    assert not isinstance(decide(view(subject), decision.until - timedelta(seconds=1)), Claim)  # type: ignore[arg-type]
    assert isinstance(decide(view(subject), decision.until), Claim)  # type: ignore[arg-type]
    return decision.until


def ready(status: Status) -> tuple[str, str]:
    condition = status.condition("Ready")
    assert condition is not None
    return condition.status, condition.reason


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 60), (2, 300), (3, 600)])
def test_the_kth_retry_follows_the_kth_delay(attempt: int, seconds: int) -> None:
    subject = broken(failed(attempt=attempt))
    assert next_claim(subject) == NOW + timedelta(seconds=seconds)
    claim = decide(view(subject), NOW + timedelta(seconds=seconds))
    assert isinstance(claim, Claim)
    assert claim.status.run is not None
    assert claim.status.run.attempt == attempt + 1
    assert claim.status.run.trigger is Trigger.RETRY


@pytest.mark.parametrize(
    "error_class",
    [c for c in ErrorClass if c not in (ErrorClass.PERMANENT, ErrorClass.LOST)],
)
def test_every_class_but_permanent_is_retried_within_the_cycle(error_class: ErrorClass) -> None:
    assert next_claim(broken(failed(error_class=error_class))) == NOW + timedelta(seconds=60)


def test_credentials_and_configuration_are_not_retried_within_the_cycle() -> None:
    last = failed(error_class=ErrorClass.PERMANENT, reason=Reason.INVALID_CREDENTIALS)
    assert next_claim(broken(last, failures=1)) == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 15), (2, 30), (3, 60), (7, 960), (8, 1440), (10**6, 1440)]
)
def test_the_pause_after_a_failed_cycle_doubles_up_to_a_day(failures: int, minutes: int) -> None:
    last = failed(attempt=4)
    assert next_claim(broken(last, failures=failures)) == NOW + timedelta(minutes=minutes)


def test_the_pause_is_never_shorter_than_the_frequency() -> None:
    subject = broken(failed(attempt=4), failures=3, spec=spec(update_frequency_minutes=43_200))
    assert next_claim(subject) == NOW + timedelta(days=30)


def test_without_retry_delays_the_first_failure_ends_the_cycle() -> None:
    subject = broken(failed(), failures=1, spec=spec(retry_delays_seconds=()))
    assert next_claim(subject) == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(("retry_after", "waits"), [(10, 60), (61, 61), (86_400, 86_400)])
def test_retry_after_moves_the_retry_but_never_forward(retry_after: int, waits: int) -> None:
    last = failed(error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=retry_after)
    subject = broken(last)
    assert next_claim(subject) == NOW + timedelta(seconds=waits)
    decision = decide(view(subject), NOW)
    assert isinstance(decision, Wait)
    assert ready(decision.status) == ("False", Reason.RATE_LIMITED)


def test_a_request_does_not_pass_retry_after() -> None:
    last = failed(error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=500)
    subject = broken(last, requested_at="now")
    assert next_claim(subject) == NOW + timedelta(seconds=500)


def test_a_failure_is_announced_with_its_record_and_not_again_when_its_next_attempt_moves() -> None:
    """A request on a rate-limited Integration changes the announced time, which is no news."""
    last = failed(error_class=ErrorClass.RATE_LIMITED, retry_after_seconds=30)
    rested = decide(view(broken(last)), NOW)
    assert isinstance(rested, Wait)
    asked = integration(status=rested.status, requested_at="t1")
    again = decide(view(asked), NOW + timedelta(seconds=5))
    assert isinstance(again, Wait)
    assert again.status != rested.status
    assert again.until == NOW + timedelta(seconds=30)
    assert again.announcement is None


def test_a_request_that_cannot_be_used_is_announced_once_whatever_the_state() -> None:
    for subject in (broken(failed()), fetched(NOW), fetched(NOW, spec=spec(suspend=True))):
        asked = replace(subject, requested_at="a\nb")
        first = decide(view(asked), NOW)
        assert isinstance(first, Wait)
        assert first.announcement is not None
        assert first.announcement.reason == "InvalidRequest"
        again = decide(view(replace(asked, status=first.status)), NOW + timedelta(seconds=1))
        assert isinstance(again, Wait)
        assert again.announcement is None


@pytest.mark.parametrize(
    "written", [10**15, 2**63 - 2, 2**63 - 1], ids=["bound", "before the last", "the last"]
)
def test_a_run_number_that_cannot_be_counted_on_from_is_nonsense_and_the_count_begins_anew(
    written: int,
) -> None:
    """Counted on from the last number, the claim would be refused by the API server for ever."""
    ran = {"number": written, "outcome": "Failed", "finishedAt": "2026-03-01T11:00:00Z"}
    claim = decide(view(integration(status=status.parse({"run": ran}))), NOW)
    assert isinstance(claim, Claim)
    assert claim.status.run is not None
    assert claim.status.run.number == 1


def test_the_last_number_that_counts_is_followed_by_the_first() -> None:
    claim = decide(view(broken(failed(number=10**15 - 1, finished_at=ago(hours=1)))), NOW)
    assert isinstance(claim, Claim)
    assert claim.status.run is not None
    assert claim.status.run.number == 1


def test_after_a_wiped_status_the_next_run_takes_no_name_of_a_job_that_is_there() -> None:
    """It would be adopted, and its old outcome recorded for a fetch that never was."""
    for before in (Status(), fetched(ago(days=1), status=Status(run=succeeded(number=1))).status):
        subject = integration(status=before)
        names = [job_name(subject, number) for number in (1, 2)]
        old = tuple(job(name=name, uid=name, succeeded=True) for name in names)
        claim = decide(view(subject, jobs=old), NOW)
        assert isinstance(claim, Claim)
        assert claim.status.run is not None
        assert claim.status.run.number == 3
        assert claim.status.run.job_name == job_name(subject, 3)


@pytest.mark.parametrize(("written", "waits"), [(2**63 - 1, 86_400), (-5, 60)])
def test_a_retry_after_written_by_hand_is_bounded_as_that_of_a_runner(
    written: int, waits: int
) -> None:
    last = {"number": 7, "outcome": "Failed", "errorClass": "rateLimited", "generation": 1}
    last |= {"finishedAt": "2026-03-01T12:00:00Z", "retryAfterSeconds": written}
    subject = integration(status=status.parse({"run": last}))
    assert next_claim(subject) == NOW + timedelta(seconds=waits)


@pytest.mark.parametrize("attempt", [1, 4])
def test_a_spec_change_ends_ladder_and_pause(attempt: int) -> None:
    subject = broken(failed(attempt=attempt, generation=1), failures=4, generation=2)
    claim = decide(view(subject), NOW)
    assert isinstance(claim, Claim)
    assert claim.status.run is not None
    assert (claim.status.run.attempt, claim.status.run.generation) == (1, 2)


def test_after_a_lost_run_the_next_waits_for_the_pod_to_be_gone() -> None:
    last = failed(error_class=ErrorClass.LOST, generation=None)
    assert next_claim(broken(last, generation=2)) == NOW + timedelta(seconds=20)


def test_a_failure_recorded_in_the_future_does_not_hold_the_retry_back() -> None:
    last = failed(finished_at=NOW + timedelta(days=9), started_at=None)
    assert next_claim(broken(last)) == NOW


def end(exit_code: int, message: str, *, attempt: int = 1, **spec_changes: object) -> Record:
    subject = fetching(run(attempt=attempt), spec=spec(**spec_changes))
    facts = view(
        subject,
        jobs=(job(failed=True, failure_reason="BackoffLimitExceeded"),),
        pod=PodReport(found=True, exit_code=exit_code, termination_message=message),
    )
    decision = decide(facts, NOW)
    assert isinstance(decision, Record)
    return decision


def test_a_failure_clears_last_triggered_and_says_when_it_is_tried_again() -> None:
    record = end(1, '{"message": "The host is down"}')
    assert record.status.last_triggered_at is None
    assert record.status.last_failed_at == NOW
    assert record.status.consecutive_failures == 0
    assert record.status.next_update_at == NOW + timedelta(seconds=60)
    assert ready(record.status) == ("False", Reason.BACKING_OFF)
    condition = record.status.condition("Ready")
    assert condition is not None
    assert condition.message == (
        "The host is down. Attempt 1 of 4 failed. The next attempt is at 2026-03-01T12:01:00Z."
    )
    assert record.announcement is not None
    assert record.announcement.warning


def test_after_the_last_retry_it_is_stalled_and_the_cycle_counts() -> None:
    record = end(1, "{}", attempt=4)
    assert ready(record.status) == ("False", Reason.FAILED)
    assert record.status.consecutive_failures == 1
    stalled = record.status.condition("Stalled")
    assert stalled is not None
    assert stalled.status == "True"
    assert record.status.next_update_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ('"InvalidCredentials"', Reason.INVALID_CREDENTIALS),
        ('"InvalidConfig"', Reason.INVALID_CONFIG),
        ('"Fetched"', Reason.FAILED),
        ("[1]", Reason.FAILED),
    ],
)
def test_a_permanent_failure_shows_its_reason(reason: str, shown: Reason) -> None:
    record = end(10, f'{{"message": "no", "reason": {reason}}}')
    assert ready(record.status) == ("False", shown)
    assert record.status.consecutive_failures == 1


def test_a_reason_is_believed_only_with_the_exit_code_of_its_class() -> None:
    record = end(1, '{"message": "no", "reason": "InvalidCredentials"}')
    assert ready(record.status) == ("False", Reason.BACKING_OFF)


@pytest.mark.parametrize(
    ("exit_code", "error_class"),
    [
        (1, ErrorClass.TRANSIENT),
        (10, ErrorClass.PERMANENT),
        (11, ErrorClass.RATE_LIMITED),
        (12, ErrorClass.TIMEOUT),
        (2, ErrorClass.TRANSIENT),
        (137, ErrorClass.TRANSIENT),
    ],
)
def test_the_exit_code_is_the_class(exit_code: int, error_class: ErrorClass) -> None:
    record = end(exit_code, '{"message": "so it is"}')
    assert record.status.run is not None
    assert record.status.run.error_class is error_class


@pytest.mark.parametrize("message", ["", "Traceback", "[1]", "[" * 4000, '{"rows": 1', "1" * 4000])
def test_without_a_readable_message_no_class_is_believed(message: str) -> None:
    record = end(10, message)
    assert record.status.run is not None
    assert record.status.run.error_class is ErrorClass.TRANSIENT


def test_a_request_in_the_ladder_starts_anew_and_the_old_cycle_does_not_count() -> None:
    subject = broken(failed(attempt=2), failures=0, requested_at="t1")
    claim = decide(view(subject), NOW)
    assert isinstance(claim, Claim)
    assert claim.status.run is not None
    assert (claim.status.run.attempt, claim.status.run.trigger) == (1, Trigger.REQUESTED)
    assert claim.status.last_handled_request == "t1"
    assert claim.status.consecutive_failures == 0


def test_a_token_counts_once() -> None:
    done = Status(last_handled_request="t1", run=failed())
    subject = integration(requested_at="t1", status=done)
    assert isinstance(decide(view(subject), NOW), Wait)


def test_any_claim_takes_the_token_that_stands_there() -> None:
    subject = broken(failed(finished_at=ago(minutes=5)), requested_at="t9")
    claim = decide(view(subject), NOW)
    assert isinstance(claim, Claim)
    assert claim.status.last_handled_request == "t9"


@pytest.mark.parametrize("token", ["", "x" * 129, "a\nb", "\x00", "a\u202eb"])
def test_a_malformed_request_starts_nothing_and_is_named(token: str) -> None:
    subject = broken(failed(), requested_at=token)
    decision = decide(view(subject), NOW)
    assert isinstance(decision, Wait)
    condition = decision.status.condition("Ready")
    assert condition is not None
    assert "is ignored" in condition.message


def test_a_request_while_suspended_stays_pending() -> None:
    subject = integration(requested_at="t1", spec=spec(suspend=True))
    decision = decide(view(subject), NOW)
    assert isinstance(decision, Wait)
    assert decision.status.last_handled_request is None
