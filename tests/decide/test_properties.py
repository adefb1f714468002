"""What holds of every decision, whatever stands in a spec, a status or a Job, and whatever the clock says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.drawn import DAY, views
from tests.decide.make import NOW, UID, broken, failed, plugin, scheduler, spec, view

from spark_operator.decide import decision as decisions
from spark_operator.decide.claim import job_name
from spark_operator.decide.fetch import decide
from spark_operator.decide.schedule import FUTURE_TOLERANCE
from spark_operator.decide.view import View
from spark_operator.model import integration
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport
from spark_operator.model.status import (
    ErrorClass,
    EventReason,
    Mode,
    Reason,
    Status,
    Trigger,
)


def _rests(decision: object) -> decisions.Wait | None:
    """What is done where there is nothing to start."""
    if isinstance(decision, decisions.AskCapacity):
        return decision.otherwise
    return decision if isinstance(decision, decisions.Wait) else None


def _ready(status: Status) -> tuple[str, str]:
    condition = status.condition("Ready")
    assert condition is not None
    return condition.reason, condition.message


_JUMPS = st.sampled_from(
    [
        timedelta(0),
        timedelta(seconds=1),
        timedelta(seconds=-1),
        timedelta(hours=1),
        timedelta(hours=-1),
        timedelta(days=3653),
        timedelta(days=-3653),
        datetime(2028, 2, 29, tzinfo=UTC) - NOW,
        timedelta(microseconds=1),
    ]
)
# Reasons that time alone does not end; what does is an event for which the operator is woken.
_ENDED_BY_EVENTS = {
    Reason.UNKNOWN_SERVICE,
    Reason.INVALID_CONFIG,
    Reason.SUSPENDED,
    Reason.AT_CAPACITY,
}


@given(facts=views(), jump=_JUMPS)
def test_nothing_makes_deciding_fail_and_no_wait_is_over_already_or_without_end(
    facts: View, jump: timedelta
) -> None:
    now = NOW + jump
    rests = _rests(decide(facts, now))
    if rests is None or rests.until is None:
        return
    assert rests.until > now
    # A time that somebody wrote, or that a clock stamped which was wrong, holds nothing back for long.
    asked = facts.integration.spec.update_frequency_minutes or 0
    least = facts.plugin.min_update_frequency_minutes if facts.plugin else 0
    default = facts.plugin.default_update_frequency_minutes if facts.plugin else 0
    every = timedelta(minutes=max(asked or default, least))
    assert rests.until <= now + max(every, DAY) + timedelta(minutes=2)


@given(facts=views(), jump=_JUMPS)
def test_a_rest_says_why_and_until_when_or_which_event_ends_it(
    facts: View, jump: timedelta
) -> None:
    decision = decide(facts, NOW + jump)
    rests = _rests(decision)
    if rests is None:
        return
    shown, before = (s.condition("Ready") for s in (rests.status, facts.integration.status))
    if isinstance(decision, decisions.AskCapacity) and shown == before:
        # A short wait for a place is not written: most end within the minute.
        assert rests.until is not None
        return
    reason, message = _ready(rests.status)
    assert message
    if rests.until is None:
        run = rests.status.run
        goes_on = run is not None and run.running
        job_goes = any(j.deleting and not j.finished for j in facts.jobs)
        assert reason in _ENDED_BY_EVENTS or facts.scheduler is None or job_goes or not goes_on
        assert reason in _ENDED_BY_EVENTS or facts.scheduler is None or job_goes
    elif reason not in (Reason.FETCHING, Reason.INVALID_CONFIG, Reason.AT_CAPACITY):
        next_at = rests.status.next_update_at
        due = isinstance(decision, decisions.AskCapacity)
        assert due or (next_at is not None and abs(next_at - rests.until) < timedelta(seconds=1))


@given(facts=views(), jump=_JUMPS, later=st.integers(0, 5))
def test_what_was_written_once_is_not_written_again(
    facts: View, jump: timedelta, later: int
) -> None:
    now = NOW + jump
    rests = _rests(decide(facts, now))
    if rests is None:
        return
    written = replace(facts, integration=facts.integration.with_status(rests.status))
    at = now + timedelta(seconds=later)
    if rests.until is not None and at >= rests.until:
        return
    believed_now, believed_then = now + FUTURE_TOLERANCE, at + FUTURE_TOLERANCE
    if any(believed_now < moment <= believed_then for moment in _moments(rests.status)):
        return  # a time that lay too far ahead to be believed is believed now, and may be said
    again = _rests(decide(written, at))
    assert again is not None
    assert again.status == rests.status
    assert again.announcement is None
    if rests.until is not None and rests.status.run is not None and not rests.status.run.running:
        assert again.until is not None


@given(facts=views(), jump=_JUMPS)
def test_an_event_has_the_reason_of_the_condition_written_with_it_or_is_one_of_those_that_go_with_none(
    facts: View, jump: timedelta
) -> None:
    decision = decide(facts, NOW + jump)
    told = decision if isinstance(decision, decisions.Record) else _rests(decision)
    if isinstance(decision, decisions.DeleteJobs):
        assert decision.announcement is None or decision.announcement.reason in EventReason
        return
    if told is None or told.announcement is None:
        return
    event = told.announcement
    reason, message = _ready(told.status)
    if event.reason in EventReason:
        return
    assert event.reason == reason
    assert event.message.endswith(message)
    assert event.warning is (reason != Reason.FETCHED)
    # What was said already is not said again.
    before = facts.integration.status.condition("Ready")
    assert before is None or (before.reason, before.message) != (reason, message)


def _moments(status: Status) -> list[datetime]:
    runs = [run.finished_at for run in (status.run, status.last_fetch) if run is not None]
    updates = [status.last_triggered_at, status.last_successful_update_at, status.last_failed_at]
    return [moment for moment in (*runs, *updates) if moment is not None]


def _meant(mode: str | None, since: str | None) -> bool:
    if mode == "backfill":
        return since == "2026-01-01"
    return mode in ("fetch", "check", "reset") or (mode is None and since is None)


@given(facts=views(mostly_idle=True), jump=_JUMPS)
def test_a_claim_is_made_only_where_nothing_forbids_it(facts: View, jump: timedelta) -> None:
    now = NOW + jump
    decision = decide(facts, now)
    if not isinstance(decision, decisions.Claim):
        return
    subject, before, run = facts.integration, facts.integration.status.run, decision.status.run
    assert run is not None
    fetch = before
    if before is not None and before.mode is Mode.CHECK:
        fetch = subject.status.last_fetch
    assert run.running
    assert facts.plugin is not None
    assert facts.scheduler is not None
    assert not facts.scheduler.suspend
    assert not subject.spec.suspend
    assert not facts.config_problem
    assert before is None or not before.running
    assert all(job.finished for job in facts.jobs)
    taken = {j.name for j in facts.jobs}
    last = before.number if before is not None else 0
    following = [n % (10**15 - 1) + 1 for n in range(last, last + 4)]
    assert run.number == next(n for n in following if job_name(subject, n) not in taken)
    assert run.job_name == job_name(subject, run.number)
    assert 1 <= run.attempt <= len(subject.spec.retry_delays_seconds) + 1
    token, mode = subject.requested_at, subject.requested_mode
    usable = token is not None and token.isprintable() and token != "a\nb"
    usable = usable and _meant(mode, subject.requested_since)
    assert decision.status.last_handled_request == (
        token if usable else subject.status.last_handled_request
    )
    started = now.replace(microsecond=0)
    if run.mode is Mode.CHECK:
        assert run.trigger is Trigger.REQUESTED
        assert decision.status.last_triggered_at == subject.status.last_triggered_at
        assert decision.status.consecutive_failures in (0, subject.status.consecutive_failures)
    else:
        assert decision.status.last_triggered_at == started
        assert decision.status.last_fetch is None
    reset = subject.reset_at == "r1" and subject.status.last_handled_reset != "r1"
    assert decision.status.last_handled_reset == (
        "r1" if reset else subject.status.last_handled_reset
    )
    assert _ready(decision.status)[0] == Reason.FETCHING
    for ended in (before, fetch):
        if ended is not None and ended.failed and ended.finished_at is not None:
            since = now - ended.finished_at
            if since >= -timedelta(minutes=1) and ended.error_class is ErrorClass.LOST:
                assert since >= timedelta(seconds=20)
            pause = ended.retry_after_seconds
            if since >= -timedelta(minutes=1) and pause is not None:
                rate_limited = ended.error_class is ErrorClass.RATE_LIMITED
                assert not rate_limited or since >= timedelta(seconds=pause)
    before = fetch
    if before is not None and before.failed and before.finished_at is not None:
        since = now - before.finished_at
        if since >= -timedelta(minutes=1):
            asked = usable and token != subject.status.last_handled_request
            cleared = before.generation != subject.generation
            cleared = cleared or reset or before.failure_cleared
            delays = subject.spec.retry_delays_seconds
            again = before.error_class is not ErrorClass.PERMANENT and before.attempt <= len(delays)
            if not asked and not cleared and again:
                assert since >= timedelta(seconds=delays[before.attempt - 1])
                assert (run.attempt, run.trigger) == (before.attempt + 1, Trigger.RETRY)
            else:
                assert run.attempt == 1


@given(facts=views(mostly_idle=True), jump=_JUMPS)
def test_a_claim_is_followed_by_its_job_and_by_nothing_else(facts: View, jump: timedelta) -> None:
    now = NOW + jump
    decision = decide(facts, now)
    if not isinstance(decision, decisions.Claim):
        return
    claimed = replace(
        facts,
        integration=facts.integration.with_status(decision.status),
        job_absent=True,
        status_is_live=True,
        job_seen=False,
        rejection=None,
    )
    then = decide(claimed, now)
    assert isinstance(then, decisions.CreateJob)
    assert then.run == decision.status.run
    elsewhere = decide(replace(claimed, job_absent=False), now)
    assert elsewhere == decisions.LookUpJob(then.run.job_name)


@given(facts=views(), jump=_JUMPS)
def test_a_recorded_outcome_is_never_run_or_recorded_again(facts: View, jump: timedelta) -> None:
    now = NOW + jump
    decision = decide(facts, now)
    triggered_at = facts.integration.status.last_triggered_at
    if isinstance(decision, decisions.Record):
        facts = replace(facts, integration=facts.integration.with_status(decision.status))
        ended = decision.status.run
        assert ended is not None
        assert ended.failed == (ended.error_class is not None)
        if ended.mode is Mode.CHECK:  # a check is no fetch: the schedule is left as it was
            assert decision.status.last_triggered_at == triggered_at
        elif ended.failed:
            assert decision.status.last_triggered_at is None
        assert ended.finished_at is not None
        assert ended.finished_at <= now
        decision = decide(facts, now)
    run = facts.integration.status.run
    if run is not None and not run.running:
        assert not isinstance(decision, decisions.Record | decisions.CreateJob)
        assert not isinstance(decision, decisions.LookUpJob | decisions.LookAtPod)
        if isinstance(decision, decisions.Claim):
            assert decision.status.run is not None
            assert decision.status.run.number != run.number


@given(facts=views(), jump=_JUMPS)
def test_a_job_is_deleted_only_as_a_stray_or_as_history_or_for_overstaying(
    facts: View, jump: timedelta
) -> None:
    decision = decide(facts, NOW + jump)
    if not isinstance(decision, decisions.DeleteJobs):
        return
    run = facts.integration.status.run
    for job in decision.jobs:
        assert not job.deleting
        if job.finished:
            assert run is not None
            assert not run.running
            assert job.run_number < run.number
        elif run is not None and run.running and job.name == run.job_name:
            assert decision.foreground
            assert facts.job_is_live
            assert facts.job_age_seconds > (job.deadline_seconds or 0)


@pytest.mark.parametrize("years", [1, 10, 100])
def test_a_clock_that_jumps_ahead_and_back_costs_one_early_fetch_and_no_more(years: int) -> None:
    """What it stamped meanwhile lies in the future afterwards, so it counts as absent, once."""
    ahead = NOW + timedelta(days=365 * years)
    stamped = {
        "run": {
            "number": 3,
            "outcome": "Succeeded",
            "finishedAt": ahead.isoformat(),
            "generation": 1,
        },
        "lastSuccessfulUpdateAt": ahead.isoformat(),
    }
    subject = integration.parse(
        {
            "metadata": {"uid": UID, "namespace": "team-a", "name": "alice", "generation": 1},
            "spec": {"service": "demo", "destination": {"type": "postgres", "secretName": "w"}},
            "status": stamped,
        }
    )
    facts = View(subject, plugin=plugin(), scheduler=scheduler(), admitted=True)
    claim = decide(facts, NOW)
    assert isinstance(claim, decisions.Claim)
    done = Job("j4", "team-a", "x", 1, UID, 4, NOW, succeeded=True, completed_at=NOW)
    assert claim.status.run is not None
    done = replace(done, name=claim.status.run.job_name)
    running = replace(facts, integration=subject.with_status(claim.status), jobs=(done,))
    record = decide(replace(running, pod=PodReport()), NOW)
    assert isinstance(record, decisions.Record)
    rests = decide(
        replace(running, integration=subject.with_status(record.status)), NOW + timedelta(seconds=1)
    )
    assert isinstance(rests, decisions.Wait)
    assert rests.until == NOW + timedelta(minutes=15)


# Classes with a clock of their own come oftener than the rest, which share one.
_WITH_CLOCKS = (ErrorClass.RATE_LIMITED, ErrorClass.LOST, ErrorClass.PERMANENT)


@given(
    delays=st.lists(st.integers(1, 90), max_size=4).map(tuple),
    attempt=st.integers(1, 5),
    error_class=st.sampled_from([*ErrorClass, *_WITH_CLOCKS * 4]),
    asked_for=st.none() | st.integers(0, 120),
    cycles=st.integers(1, 12),
    since=st.integers(0, 130) | st.sampled_from([899, 900, 1800, 3600, 14_400, 86_400]),
    cleared=st.booleans(),
    requested=st.booleans(),
    suspend=st.sampled_from(["", "", "", "integration", "scheduler"]),
)
def test_after_a_failure_the_next_claim_comes_at_its_second_and_as_its_attempt(
    delays: tuple[int, ...],
    attempt: int,
    error_class: ErrorClass,
    asked_for: int | None,
    cycles: int,
    since: int,
    cleared: bool,
    requested: bool,
    suspend: str,
) -> None:
    retried = error_class is not ErrorClass.PERMANENT and attempt <= len(delays)
    if requested or cleared:
        earliest, following = 0, 1
    elif retried:
        earliest, following = delays[attempt - 1], attempt + 1
    else:
        earliest, following = min(15 * 60 * 2 ** (cycles - 1), 86_400), 1
    if error_class is ErrorClass.LOST:
        earliest = max(earliest, 20)
    if error_class is ErrorClass.RATE_LIMITED:
        earliest = max(earliest, asked_for or 0)
    last = failed(
        attempt=attempt,
        error_class=error_class,
        retry_after_seconds=asked_for,
        finished_at=NOW - timedelta(seconds=since),
        generation=None if cleared else 1,
    )
    subject = broken(
        last,
        failures=cycles,
        requested_at="t1" if requested else None,
        spec=spec(retry_delays_seconds=delays, suspend=suspend == "integration"),
    )
    decision = decide(view(subject, scheduler=scheduler(suspend=suspend == "scheduler")), NOW)
    if suspend:
        assert isinstance(decision, decisions.Wait)
        assert decision.until is None
    elif since < earliest:
        assert isinstance(decision, decisions.Wait)
        assert decision.until == NOW + timedelta(seconds=earliest - since)
    else:
        assert isinstance(decision, decisions.Claim)
        assert decision.status.run is not None
        assert decision.status.run.attempt == following
