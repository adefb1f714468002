"""While a run goes on: claim, create, observe, and every way in which a Job can go astray."""

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
    plugin,
    run,
    scheduler,
    spec,
    succeeded,
    view,
)

from spark_operator.decide.decision import (
    AskCapacity,
    Claim,
    CreateJob,
    DeleteJobs,
    LookAtPod,
    LookUpJob,
    LookUpVolumeClaim,
    ReadAgain,
    Record,
    Wait,
)
from spark_operator.decide.fetch import decide
from spark_operator.decide.running import OVERSTAY_GRACE_SECONDS
from spark_operator.model.destination import Destination
from spark_operator.model.pod import NO_POD, PodReport
from spark_operator.model.status import ErrorClass, Outcome, Reason


def recorded(decision: object) -> Record:
    assert isinstance(decision, Record), decision
    assert decision.status.run is not None
    return decision


def error_class(decision: object) -> ErrorClass | None:
    run_ = recorded(decision).status.run
    assert run_ is not None
    return run_.error_class


def message(decision: Wait | Record) -> str:
    condition = decision.status.condition("Ready")
    assert condition is not None
    return condition.message


# --- claim without a Job


def test_a_cache_without_the_job_proves_nothing() -> None:
    assert decide(view(fetching()), NOW) == LookUpJob("alice-7")


def test_a_crash_between_claim_and_create_ends_in_the_same_name() -> None:
    facts = view(fetching(), job_absent=True, status_is_live=True)
    assert decide(facts, NOW) == CreateJob(run())


def test_a_job_is_created_again_only_after_a_live_read_of_its_claim() -> None:
    """A successor whose cache is behind would make a Job for a run that is recorded as lost."""
    assert decide(view(fetching(), job_absent=True), NOW) == ReadAgain()
    over = broken(failed(error_class=ErrorClass.LOST))
    assert isinstance(decide(view(over, job_absent=True, status_is_live=True), NOW), Wait)


def test_a_job_that_this_process_saw_and_that_is_gone_is_lost() -> None:
    assert error_class(decide(view(fetching(), job_absent=True, job_seen=True), NOW)) is (
        ErrorClass.LOST
    )


def test_a_claim_older_than_its_timeout_without_a_job_is_lost_and_not_created_again() -> None:
    old = fetching(run(started_at=ago(seconds=300)))
    assert error_class(decide(view(old, job_absent=True), NOW)) is ErrorClass.LOST


def test_a_claim_from_the_future_without_a_job_is_lost_and_not_created_for_ever() -> None:
    odd = fetching(run(started_at=NOW + timedelta(days=1)))
    assert error_class(decide(view(odd, job_absent=True), NOW)) is ErrorClass.LOST


def test_a_job_that_cannot_be_made_is_rejected_with_the_servers_words() -> None:
    decision = decide(view(fetching(), rejection="exceeded quota: pods=0"), NOW)
    assert error_class(decision) is ErrorClass.REJECTED
    assert "exceeded quota: pods=0" in message(recorded(decision))


# --- the Job goes on


def test_a_running_job_is_waited_for_and_looked_at_while_it_is_not_ready() -> None:
    decision = decide(view(fetching(), jobs=(job(),), job_age_seconds=2), NOW)
    assert isinstance(decision, Wait)
    assert decision.until == NOW + timedelta(seconds=13)
    assert decision.status.next_update_at is None


@pytest.mark.parametrize(("looks", "age"), [(0, 15), (1, 60), (2, 295)])
def test_a_job_that_is_not_ready_is_asked_why_three_times(looks: int, age: float) -> None:
    facts = view(fetching(), jobs=(job(),), job_age_seconds=age, pod_looks=looks)
    assert isinstance(decide(facts, NOW), LookAtPod)
    early = replace(facts, job_age_seconds=age - 1)
    assert isinstance(decide(early, NOW), Wait)
    done = replace(facts, pod_looks=looks + 1)
    assert isinstance(decide(done, NOW), Wait)


def test_a_ready_job_is_not_asked() -> None:
    facts = view(fetching(), jobs=(job(ready=True),), job_age_seconds=60, job_was_ready=True)
    assert isinstance(decide(facts, NOW), Wait)


@pytest.mark.parametrize(
    ("pod", "expected", "says"),
    [
        (
            PodReport(found=True, image_problem="ErrImagePull: no such host"),
            ErrorClass.IMAGE_PULL_FAILED,
            "ErrImagePull: no such host",
        ),
        (
            PodReport(found=True, unschedulable="0/3 nodes are available"),
            ErrorClass.UNSCHEDULABLE,
            "0/3 nodes are available",
        ),
        (
            PodReport(found=True, start_problem="CreateContainerConfigError: bad"),
            ErrorClass.UNSCHEDULABLE,
            "CreateContainerConfigError: bad",
        ),
        (
            PodReport(found=True, waiting="ContainerCreating"),
            ErrorClass.UNSCHEDULABLE,
            "has not started (ContainerCreating)",
        ),
        (NO_POD, ErrorClass.UNSCHEDULABLE, "There is no pod"),
    ],
)
def test_why_a_pod_does_not_start_is_said_at_once_and_remembered_at_the_deadline(
    pod: PodReport, expected: ErrorClass, says: str
) -> None:
    facts = view(fetching(), jobs=(job(),), job_age_seconds=15, pod_looks=1, pod=pod)
    decision = decide(facts, NOW)
    assert isinstance(decision, Wait)
    assert says in message(decision)
    # Kubernetes deletes the pod at the deadline, so nothing is left to look at but the status.
    later = integration(status=decision.status)
    late = view(
        later, jobs=(job(failed=True, failure_reason="DeadlineExceeded"),), pod=NO_POD, pod_looks=3
    )
    assert error_class(decide(late, NOW)) is expected
    assert says in message(recorded(decide(late, NOW)))


def test_a_problem_that_went_away_is_not_said_any_longer() -> None:
    stuck = run(error_class=ErrorClass.UNSCHEDULABLE, message="No node takes the pod.")
    facts = view(fetching(stuck), jobs=(job(ready=True),), job_was_ready=True, job_age_seconds=20)
    decision = decide(facts, NOW)
    assert isinstance(decision, Wait)
    assert decision.status.run is not None
    assert (decision.status.run.error_class, decision.status.run.message) == (None, None)


def test_a_deadline_after_the_pod_ran_is_a_timeout() -> None:
    over = job(failed=True, failure_reason="DeadlineExceeded")
    facts = view(fetching(), jobs=(over,), pod=NO_POD, job_was_ready=True)
    assert error_class(decide(facts, NOW)) is ErrorClass.TIMEOUT


def test_a_job_that_overstays_is_deleted_in_the_foreground_and_lost_once_it_is_gone() -> None:
    age = 300 + OVERSTAY_GRACE_SECONDS + 1
    facts = view(fetching(), jobs=(job(ready=True),), job_age_seconds=age, job_was_ready=True)
    facts = replace(facts, job_is_live=True)
    assert decide(facts, NOW) == DeleteJobs((job(ready=True),), foreground=True)
    going = replace(facts, jobs=(job(ready=True, deleting=True),))
    assert isinstance(decide(going, NOW), Wait)
    gone = replace(facts, jobs=(), job_absent=True, job_seen=True)
    assert error_class(decide(gone, NOW)) is ErrorClass.LOST


@pytest.mark.parametrize(("overstayed", "said"), [(-280, False), (1, False), (31, True)])
def test_what_to_do_about_a_dead_node_is_said_once_the_deletion_of_its_job_drags_on(
    overstayed: float, said: bool
) -> None:
    """It may stay so for as long as nobody deletes the Node; an ordinary deletion is over before."""
    age = 300 + OVERSTAY_GRACE_SECONDS + overstayed
    facts = view(fetching(), jobs=(job(ready=True, deleting=True),), job_age_seconds=age)
    waits = decide(facts, NOW)
    assert isinstance(waits, Wait)
    assert waits.until is None
    assert ("if its node is dead, delete the Node" in message(waits)) == said


def test_a_job_that_seems_to_overstay_is_read_before_it_is_deleted_with_its_outcome() -> None:
    age = 300 + OVERSTAY_GRACE_SECONDS + 1
    facts = view(fetching(), jobs=(job(ready=True),), job_age_seconds=age, job_was_ready=True)
    assert decide(facts, NOW) == LookUpJob("alice-7")
    ended = job(succeeded=True, completed_at=NOW)
    assert decide(replace(facts, jobs=(ended,), job_is_live=True), NOW) == LookAtPod(ended)


# --- the Job has ended


def test_the_end_is_recorded_only_after_a_look_at_the_pod() -> None:
    done = job(succeeded=True, completed_at=NOW)
    assert decide(view(fetching(), jobs=(done,)), NOW) == LookAtPod(done)


def test_a_success_sets_the_timestamps_and_the_rows() -> None:
    done = job(succeeded=True, completed_at=ago(seconds=3))
    pod = PodReport(found=True, exit_code=0, termination_message='{"rows": 120}')
    record = recorded(decide(view(fetching(), jobs=(done,), pod=pod), NOW))
    assert record.status.last_successful_update_at == ago(seconds=3)
    assert record.status.run is not None
    assert (record.status.run.outcome, record.status.run.rows) == (Outcome.SUCCEEDED, 120)
    assert record.status.next_update_at == ago(seconds=3) + timedelta(minutes=15)
    condition = record.status.condition("Ready")
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", Reason.FETCHED)
    assert "Loaded 120 rows." in condition.message
    assert record.announcement is None


@pytest.mark.parametrize(
    ("completed", "counted"),
    [(timedelta(hours=1), NOW), (timedelta(hours=-1), ago(minutes=1)), (None, NOW)],
)
def test_the_end_of_a_run_lies_between_its_start_and_now_whatever_clocks_say(
    completed: timedelta | None, counted: object
) -> None:
    done = job(succeeded=True, completed_at=NOW + completed if completed is not None else None)
    record = recorded(decide(view(fetching(), jobs=(done,), pod=NO_POD), NOW))
    assert record.status.last_successful_update_at == counted


def test_a_success_after_failures_is_announced_and_clears_them() -> None:
    was = broken(failed(finished_at=ago(minutes=5)), failures=3).status
    subject = integration(status=replace(was, run=run(), last_failed_at=ago(minutes=5)))
    done = job(succeeded=True, completed_at=NOW)
    record = recorded(decide(view(subject, jobs=(done,), pod=NO_POD), NOW))
    assert record.status.consecutive_failures == 0
    assert record.announcement is not None
    assert not record.announcement.warning


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (PodReport(found=True, exit_code=137, terminated_reason="OOMKilled"), "oomKilled"),
        (PodReport(found=True, pod_reason="Evicted", pod_message="disk pressure"), "evicted"),
        (NO_POD, "transient"),
    ],
)
def test_a_pod_that_kubernetes_ended_gets_a_class_of_its_own(pod: PodReport, expected: str) -> None:
    over = job(failed=True, failure_reason="BackoffLimitExceeded")
    assert error_class(decide(view(fetching(), jobs=(over,), pod=pod), NOW)) == expected


def test_an_outcome_that_is_recorded_is_never_run_again() -> None:
    subject = fetched(NOW)
    decision = decide(view(subject, job_absent=True), NOW)
    assert isinstance(decision, Wait)


def test_the_plugin_deleted_during_a_run_does_not_lose_the_outcome() -> None:
    done = job(succeeded=True, completed_at=NOW)
    record = recorded(decide(view(fetching(), plugin=None, jobs=(done,), pod=NO_POD), NOW))
    assert record.status.last_successful_update_at == NOW
    condition = record.status.condition("Ready")
    assert condition is not None
    assert condition.reason == Reason.UNKNOWN_SERVICE


def test_suspended_during_a_run_it_ends_and_is_recorded_and_is_not_retried() -> None:
    over = job(failed=True)
    subject = fetching(spec=spec(suspend=True))
    record = recorded(decide(view(subject, jobs=(over,), pod=NO_POD), NOW))
    condition = record.status.condition("Ready")
    assert condition is not None
    assert condition.reason == Reason.SUSPENDED
    assert record.status.next_update_at is None


def test_a_request_during_a_run_waits_for_its_end() -> None:
    subject = fetching(requested_at="t2")
    assert isinstance(decide(view(subject, jobs=(job(),)), NOW), Wait)
    after = replace(fetched(NOW), requested_at="t2")
    assert isinstance(decide(view(after), NOW), Claim)


# --- strays


def test_an_unfinished_job_of_an_earlier_run_is_deleted_and_announced() -> None:
    stray = job(name="alice-6", run_number=6, uid="j6")
    decision = decide(view(fetching(), jobs=(job(), stray)), NOW)
    assert isinstance(decision, DeleteJobs)
    assert decision.jobs == (stray,)
    assert decision.announcement is not None
    assert decision.announcement.reason == "Superseded"


def test_a_job_newer_than_the_cached_status_asks_for_a_live_read_before_it_is_called_a_stray() -> (
    None
):
    newer = job(name="alice-8", run_number=8, uid="j8")
    facts = view(fetched(NOW), jobs=(newer,))
    assert decide(facts, NOW) == ReadAgain()
    assert isinstance(decide(replace(facts, status_is_live=True), NOW), DeleteJobs)


def test_nothing_is_claimed_before_an_earlier_job_that_is_being_deleted_is_gone() -> None:
    going = job(name="alice-6", run_number=6, uid="j6", deleting=True)
    decision = decide(view(fetched(ago(days=1)), jobs=(going,)), NOW)
    assert isinstance(decision, Wait)
    assert decision.until is None
    assert "alice-6 is deleted" in message(decision)
    assert isinstance(decide(view(fetched(ago(days=1))), NOW), Claim)


# --- places, claims on volumes, history


def test_a_due_fetch_asks_for_a_place_before_anything_else() -> None:
    target = Destination("duckdb")
    subject = integration(spec=spec(destination=target))
    asked = decide(view(subject, admitted=False), NOW)
    assert isinstance(asked, AskCapacity)
    assert decide(view(subject), NOW) == LookUpVolumeClaim("spark-data")


def test_a_missing_volume_claim_is_said_before_a_job_is_made() -> None:
    subject = integration(spec=spec(destination=Destination("duckdb", claim_name="mine")))
    decision = decide(view(subject, volume_claim_exists=False), NOW)
    assert isinstance(decision, Wait)
    assert 'PersistentVolumeClaim "mine"' in message(decision)
    assert decision.until is not None
    assert isinstance(decide(view(subject, volume_claim_exists=True), NOW), Claim)


def test_waiting_for_a_place_is_written_after_a_minute_and_once() -> None:
    rested = decide(view(fetched(ago(minutes=20))), ago(minutes=10))
    assert isinstance(rested, Wait)
    subject = replace(fetched(ago(minutes=20)), status=rested.status)
    short = decide(view(subject, admitted=False, waiting_since=ago(seconds=59)), NOW)
    assert isinstance(short, AskCapacity)
    assert short.otherwise.status == subject.status
    long = decide(view(subject, admitted=False, waiting_since=ago(seconds=60)), NOW)
    assert isinstance(long, AskCapacity)
    condition = long.otherwise.status.condition("Ready")
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", Reason.AT_CAPACITY)
    written = replace(subject, status=long.otherwise.status)
    again = decide(
        view(written, admitted=False, waiting_since=ago(seconds=60)), NOW + timedelta(minutes=9)
    )
    assert isinstance(again, AskCapacity)
    assert again.otherwise.status == written.status


@pytest.mark.parametrize(("succeeded_kept", "failed_kept"), [(1, 3), (0, 0), (2, 1)])
def test_history_keeps_what_it_is_told_and_always_the_last_runs_job(
    succeeded_kept: int, failed_kept: int
) -> None:
    jobs = tuple(
        job(name=f"alice-{n}", run_number=n, uid=str(n), succeeded=n % 2 == 1, failed=n % 2 == 0)
        for n in range(1, 10)
    )
    rules = scheduler(history_succeeded=succeeded_kept, history_failed=failed_kept)
    subject = integration(status=replace(fetched(NOW).status, run=succeeded(number=9)))
    decision = decide(view(subject, jobs=jobs, scheduler=rules), NOW)
    assert isinstance(decision, DeleteJobs)
    left = [j for j in jobs if j not in decision.jobs]
    assert 9 in {j.run_number for j in left}
    assert sum(j.succeeded for j in left) == max(1, succeeded_kept)
    assert sum(j.failed for j in left) == failed_kept


def test_no_job_is_pruned_before_its_outcome_is_recorded() -> None:
    jobs = (job(succeeded=True), job(name="alice-6", run_number=6, failed=True))
    none_kept = scheduler(history_succeeded=0, history_failed=0)
    facts = view(fetching(), jobs=jobs, scheduler=none_kept)
    assert isinstance(decide(facts, NOW), LookAtPod)


def test_a_config_that_the_schema_refuses_is_not_fetched() -> None:
    decision = decide(view(integration(), config_problem="spec.config.url: is missing"), NOW)
    assert isinstance(decision, Wait)
    condition = decision.status.condition("Ready")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", Reason.INVALID_CONFIG)
    assert "spec.config.url" in condition.message


@pytest.mark.parametrize(
    ("target", "says"),
    [(Destination("kafka"), '"kafka" is unknown'), (Destination("postgres"), "secretName")],
)
def test_a_destination_that_cannot_be_is_refused(target: Destination, says: str) -> None:
    decision = decide(view(integration(spec=spec(destination=target))), NOW)
    assert isinstance(decision, Wait)
    assert says in message(decision)


def test_deciding_twice_from_the_written_status_writes_nothing() -> None:
    for subject in (fetched(NOW), broken(failed()), integration(spec=spec(suspend=True))):
        for facts in (view(subject), view(subject, plugin=None), view(subject, scheduler=None)):
            first = decide(facts, NOW)
            if not isinstance(first, Wait):
                continue
            written = replace(facts, integration=replace(subject, status=first.status))
            second = decide(written, NOW + timedelta(seconds=7))
            assert isinstance(second, Wait)
            assert second.status == first.status
            assert second.announcement is None


def test_a_service_with_a_limit_is_asked_with_the_overdue_share_of_its_own_frequency() -> None:
    daily = fetched(ago(hours=36), spec=spec(update_frequency_minutes=1440))
    asked = decide(view(daily, admitted=False, plugin=plugin()), NOW)
    assert isinstance(asked, AskCapacity)
    assert asked.candidate.overdue == 0.5


def test_conditions_carry_their_generation_and_keep_their_transition_time() -> None:
    first = decide(view(fetched(ago(minutes=1)), plugin=None), NOW)
    assert isinstance(first, Wait)
    later = integration(status=first.status, generation=2)
    second = decide(view(later, plugin=None), NOW + timedelta(hours=1))
    assert isinstance(second, Wait)
    ready = second.status.condition("Ready")
    assert ready is not None
    assert ready.observed_generation == 2
    assert ready.last_transition_time == NOW
    mended = decide(view(replace(later, status=second.status)), NOW + timedelta(hours=1))
    status = mended.otherwise.status if isinstance(mended, AskCapacity) else mended.status  # type: ignore[union-attr]
    changed = status.condition("Ready")
    assert changed is not None
    assert changed.last_transition_time == NOW + timedelta(hours=1)


def test_a_pod_that_is_gone_at_a_late_look_does_not_hide_why_it_did_not_start() -> None:
    stuck = run(error_class=ErrorClass.IMAGE_PULL_FAILED, message="The image cannot be pulled.")
    facts = view(fetching(stuck), jobs=(job(),), job_age_seconds=300, pod_looks=3, pod=NO_POD)
    decision = decide(facts, NOW)
    assert isinstance(decision, Wait)
    assert decision.status.run == stuck
