"""The judge of a soak condemns what it must, and nothing else."""

from __future__ import annotations

import pytest
from bench.audit import OPERATOR, Request
from bench.soak import growth, judge, next_name

CONTROLLER = "kube-controller-manager/v1 job-controller"


def created(name: str, at: float) -> Request:
    return Request(at - 0.01, at, OPERATOR, "create", "jobs", name, 201)


def ended(name: str, at: float) -> Request:
    return Request(at - 0.01, at, CONTROLLER, "update", "jobs/status", name, 200)


def test_a_job_in_time_is_neither_lost_nor_doubled() -> None:
    requests = [created("i1-a-1", 100), ended("i1-a-1", 103.4), created("i1-a-2", 163.2)]
    verdict = judge(requests, OPERATOR, until=1000)
    assert (verdict.dispatches, verdict.doubles, verdict.lost) == (2, 0, 0)
    assert verdict.lateness_seconds == [pytest.approx(0.2)]


def test_only_the_last_status_of_a_job_is_its_end() -> None:
    requests = [
        created("i1-a-1", 100),
        ended("i1-a-1", 101),
        ended("i1-a-1", 103),
        created("i1-a-2", 163),
    ]
    assert judge(requests, OPERATOR, until=1000).lateness_seconds == [0]


def test_one_that_is_never_followed_is_lost() -> None:
    requests = [created("i1-a-1", 100), ended("i1-a-1", 103)]
    assert judge(requests, OPERATOR, until=1000).lost == 1


def test_one_that_is_followed_half_a_minute_late_is_lost() -> None:
    requests = [created("i1-a-1", 100), ended("i1-a-1", 103), created("i1-a-2", 194)]
    assert judge(requests, OPERATOR, until=1000).lost == 1


def test_what_was_due_at_the_very_end_is_not_judged() -> None:
    requests = [created("i1-a-1", 100), ended("i1-a-1", 103)]
    assert judge(requests, OPERATOR, until=190).lost == 0


def test_a_second_job_of_one_run_is_a_double() -> None:
    requests = [created("i1-a-1", 100), created("i1-a-1", 140)]
    assert judge(requests, OPERATOR, until=1000).doubles == 1


def test_a_next_job_before_its_time_is_a_double() -> None:
    requests = [created("i1-a-1", 100), ended("i1-a-1", 103.4), created("i1-a-2", 161.9)]
    assert judge(requests, OPERATOR, until=1000).doubles == 1


def test_the_next_name_counts_the_run() -> None:
    assert next_name("i00001-abcdef01-9") == "i00001-abcdef01-10"


def test_growth_leaves_the_warming_up_out() -> None:
    assert growth([1.0, 50.0] + [100.0] * 8) == 1
    assert growth([100.0] * 8 + [120.0] * 2) == pytest.approx(1.2)
