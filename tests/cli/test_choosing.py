"""Which Integrations a fetch, a retry and a flush mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
    succeeded,
    view,
)

from spark_cli.decide import failures, select, verdict
from spark_cli.decide.verdict import Action
from spark_operator.decide import fetch
from spark_operator.model.integration import Integration
from spark_operator.model.status import Condition, ErrorClass, Mode, Status


def choice(subject: Integration, *, force: bool = False, named: bool = True) -> select.Choice:
    return select.fetch(subject, verdict.outlook(view(subject), NOW), force=force, named=named)


def test_what_is_due_has_never_been_fetched_or_has_failed_is_asked_for() -> None:
    assert choice(integration()).ask
    assert choice(fetched(ago(minutes=16))).ask
    assert choice(broken(failed())).ask
    assert choice(broken(failed(attempt=4), failures=1)).ask


def test_what_is_fresh_is_asked_for_by_force_alone() -> None:
    fresh = choice(fetched(ago(minutes=5)))
    assert (fresh.ask, fresh.failed) == (False, False)
    assert "--force" in fresh.why
    assert choice(fetched(ago(minutes=5)), force=True).ask


def test_a_run_that_goes_on_is_followed_and_by_force_another_asked_for() -> None:
    going = choice(fetching())
    assert (going.ask, going.follow) == (False, True)
    assert choice(fetching(), force=True).ask


def test_a_check_that_goes_on_is_not_taken_for_the_fetch() -> None:
    checking = run(number=8, mode=Mode.CHECK)
    due = fetched(ago(minutes=16))
    status = replace(due.status, run=checking, last_fetch=due.status.run)
    subject = replace(due, status=status)
    chosen = choice(subject)
    assert (chosen.ask, "goes on already" in chosen.why) == (True, False), chosen.why


def test_what_is_held_is_never_asked_for() -> None:
    suspended = integration(spec=replace(integration().spec, suspend=True))
    assert choice(suspended, force=True) == replace(
        choice(suspended), ask=False, follow=False, failed=True
    )
    assert not choice(suspended, named=False).failed, "who asks for all does not mean the suspended"


def test_what_is_refused_fails_whoever_asks() -> None:
    subject = integration()
    refused = verdict.outlook(view(subject, config_problem="spec.config.x: no"), NOW)
    assert refused.action is Action.HOLD
    assert select.fetch(subject, refused, force=True, named=False).failed


def test_without_a_scheduler_or_its_plugin_it_is_held() -> None:
    for missing in ({"scheduler": None}, {"plugin": None}):
        assert verdict.outlook(view(integration(), **missing), NOW).held


def test_a_run_that_was_refused_rests_and_is_not_held() -> None:
    refused = failed(error_class=ErrorClass.PERMANENT, reason=None)
    resting = verdict.outlook(view(broken(refused, failures=1)), NOW)
    assert resting.action is Action.WAIT
    assert resting.next_at is not None


def test_a_retry_means_those_that_failed() -> None:
    well = fetched(ago(minutes=5))
    assert not select.retry(well, verdict.outlook(view(well), NOW), named=True).ask
    bad = broken(failed())
    assert select.retry(bad, verdict.outlook(view(bad), NOW), named=True).ask


def test_a_retry_while_an_attempt_goes_on_is_that_attempt() -> None:
    status = Status(run=run(number=8, attempt=2), last_failed_at=ago(minutes=1))
    subject = integration(status=status)
    assert subject.status.failing
    chosen = select.retry(subject, verdict.outlook(view(subject), NOW), named=True)
    assert (chosen.ask, chosen.follow, chosen.failed) == (False, True, False)


def test_a_retry_of_what_is_refused_says_why_it_cannot_be() -> None:
    refused = verdict.outlook(view(integration(), plugin=None), NOW)
    chosen = select.retry(integration(), refused, named=False)
    assert (chosen.ask, chosen.failed) == (False, True)
    assert "There is no Plugin" in chosen.why


def test_a_retry_asks_for_the_same_work() -> None:
    assert select.again(failed(mode=Mode.BACKFILL, since=NOW)) == (
        Mode.BACKFILL,
        "2026-03-01T12:00:00Z",
    )
    assert select.again(failed(mode=Mode.RESET)) == (Mode.RESET, None)
    assert select.again(failed()) == select.again(None) == (Mode.FETCH, None)


def test_the_verdict_is_the_operators_decision() -> None:
    due = view(fetched(ago(minutes=16)), volume_claim_exists=True)
    would = verdict.of(due, fetch.decide(due, NOW), NOW)
    assert (would.action, would.next_at) == (Action.START, NOW)
    assert "a fetch, attempt 1" in would.message
    queued = replace(due, admitted=False)
    assert verdict.of(queued, fetch.decide(queued, NOW), NOW).action is Action.QUEUE
    lost = view(fetching(), job_absent=True, job_seen=True)
    assert verdict.of(lost, fetch.decide(lost, NOW), NOW).action is Action.RECORD


def test_a_missing_volume_claim_holds() -> None:
    subject = integration(spec=replace(integration().spec, destination=None))
    missing = view(subject, scheduler=scheduler(), volume_claim_exists=False)
    assert verdict.of(missing, fetch.decide(missing, NOW), NOW).action is Action.HOLD


def test_a_flush_means_failed_jobs_whose_outcome_is_recorded() -> None:
    jobs = [
        job(uid="1", name="alice-5", run_number=5, failed=True),
        job(uid="2", name="alice-6", run_number=6, succeeded=True),
        job(uid="3", name="alice-7", run_number=7, failed=True),
        job(uid="4", name="alice-8", run_number=8, failed=True),
        job(uid="5", name="bob-1", run_number=1, failed=True, owner_uid="bob"),
        job(uid="6", name="alice-4", run_number=4, failed=True, deleting=True),
    ]

    def flushed(subject: Integration) -> list[str]:
        return [j.name for j in failures.flushable(subject, jobs)]

    assert flushed(broken(failed(number=7))) == ["alice-5", "alice-7"]
    # The Job of run 7 has failed, and the operator may not have read why.
    assert flushed(fetching(run(number=7))) == ["alice-5"]
    assert flushed(integration(status=Status(run=succeeded(number=8)))) == [
        "alice-5",
        "alice-7",
        "alice-8",
    ]
    assert flushed(integration()) == []


def test_without_the_rules_of_a_plugin_the_status_tells_what_is_due() -> None:
    waiting = fetched(ago(minutes=5))
    later = replace(
        waiting, status=replace(waiting.status, next_update_at=NOW + timedelta(minutes=10))
    )
    now = replace(waiting, status=replace(waiting.status, next_update_at=NOW))
    refused = Condition("Ready", "False", "InvalidConfig", "No.", 1, NOW)
    suspended = integration(spec=replace(integration().spec, suspend=True))
    for subject, action in (
        (later, Action.WAIT),
        (now, Action.START),
        (integration(), Action.START),
        (fetching(), Action.RUN),
        (suspended, Action.HOLD),
        (integration(status=Status(conditions=(refused,))), Action.HOLD),
        (integration(deleting=True), Action.HOLD),
    ):
        assert verdict.by_status(subject, scheduler(), NOW).action is action
    assert verdict.by_status(later, scheduler(), NOW).next_at == NOW + timedelta(minutes=10)
    assert verdict.by_status(now, scheduler(suspend=True), NOW).held
    assert verdict.by_status(now, None, NOW).held
