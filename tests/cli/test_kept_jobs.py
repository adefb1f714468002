"""What a kept Job tells of its run: what is recorded, else what the operator would read of its end."""

from __future__ import annotations

from tests.decide.make import NOW, ago, broken, failed, fetching, job

from spark_cli.decide import kept
from spark_operator.model.pod import NO_POD, PodReport


def test_the_recorded_run_is_told_as_it_is_recorded() -> None:
    subject = broken(failed(rows=2))
    told = kept.past(subject, job(failed=True, failure_reason="BackoffLimitExceeded"), NO_POD)
    assert (told.run, told.outcome, told.rows, told.error_class) == (7, "Failed", 2, "transient")
    assert told.message == "The host is down."
    assert told.started_at == ago(minutes=1)


def test_an_older_one_is_read_from_its_pod() -> None:
    subject = broken(failed(number=8, job_name="alice-8"))
    pod = PodReport(
        found=True, exit_code=10, termination_message='{"message": "No such account.", "rows": 1}'
    )
    told = kept.past(subject, job(failed=True, completed_at=NOW), pod)
    assert (told.outcome, told.error_class, told.rows) == ("Failed", "permanent", 1)
    assert told.message == "No such account."
    fine = PodReport(found=True, exit_code=0, termination_message='{"rows": 4}')
    told = kept.past(subject, job(succeeded=True, completed_at=NOW), fine)
    assert (told.outcome, told.rows, told.finished_at) == ("Succeeded", 4, NOW)


def test_one_whose_pod_is_gone_says_so() -> None:
    subject = broken(failed(number=8, job_name="alice-8"))
    told = kept.past(subject, job(failed=True), NO_POD)
    assert told.message == "The pod failed and is gone, so its message cannot be read."
    deadline = job(failed=True, failure_reason="DeadlineExceeded")
    assert kept.past(subject, deadline, NO_POD).error_class == "timeout"


def test_one_that_goes_on_is_running() -> None:
    told = kept.past(fetching(), job(), NO_POD)
    assert (told.outcome, told.finished_at) == ("Running", None)


def test_those_of_others_are_left_out_and_the_oldest_comes_first() -> None:
    jobs = [job(run_number=3), job(run_number=1), job(run_number=2, owner_uid="another")]
    assert [j.run_number for j in kept.of_owner(fetching(), jobs)] == [1, 3]
