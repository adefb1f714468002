"""What a property is asked for: views that hold whatever may stand in a spec, a status or a Job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from tests.decide.make import NOW, POSTGRES, UID, plugin, scheduler

from spark_operator.decide.claim import job_name
from spark_operator.decide.view import View
from spark_operator.model import integration, names
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport
from spark_operator.model.status import (
    ErrorClass,
    Mode,
    Outcome,
    Reason,
    Trigger,
)

DAY = timedelta(days=1)
# What stands in a status by the hand of whoever may write one.
_ODD_TIMES = [
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-03-01T12:00:59Z",
    "2028-02-29T00:00:00Z",
    "2026-03-01T12:00:00.999999Z",
    "9999-12-31T23:59:59-14:00",
    "yesterday",
    "",
    7,
]
_ODD_NUMBERS = st.sampled_from(
    [-1, 0, 1, 2, 3, 4, 5, 11, 2**31, 10**15 - 1, 10**15, 2**63 - 1, "1"]
)
_near = st.integers(-200_000, 90).map(lambda s: (NOW + timedelta(seconds=s)).isoformat())
_recent = st.integers(-70, 70).map(lambda s: (NOW + timedelta(seconds=s)).isoformat())
_times = _near | _recent | st.sampled_from(_ODD_TIMES)
_numbers = st.integers(0, 6) | _ODD_NUMBERS


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the fields may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


_runs = st.fixed_dictionaries(
    {
        "number": st.integers(1, 6) | _ODD_NUMBERS,
        "outcome": st.sampled_from(list(Outcome)),
    },
    optional={
        "attempt": _numbers,
        "mode": st.sampled_from([*Mode, "other"]),
        "since": _times,
        "request": st.sampled_from(["t1", "t2"]),
        "failureCleared": st.booleans(),
        "generation": st.integers(1, 2),
        "trigger": st.sampled_from(list(Trigger)),
        "jobName": st.sampled_from(["a-3", ""]),
        "startedAt": _times,
        "finishedAt": _times,
        "errorClass": st.sampled_from(list(ErrorClass)),
        "reason": st.sampled_from(list(Reason)),
        "message": st.sampled_from(["The host is down.", "x" * 3000, ""]),
        "rows": _numbers,
        "retryAfterSeconds": st.integers(0, 100_000) | _ODD_NUMBERS,
    },
)
_statuses = _some(
    run=_runs,
    lastFetch=_runs,
    lastHandledReset=st.sampled_from(["r1", "r2"]),
    lastTriggeredAt=_times,
    lastSuccessfulUpdateAt=_times,
    lastFailedAt=_times,
    nextUpdateAt=_times,
    lastHandledRequest=st.sampled_from(["t1", "t2"]),
    consecutiveFailures=_numbers,
    conditions=st.just([{"type": "Ready", "status": "True", "reason": "Fetched"}]),
)
_specs = st.fixed_dictionaries(
    {"service": st.just("demo")},
    optional={
        "updateFrequencyMinutes": st.sampled_from([1, 15, 1440]) | _ODD_NUMBERS,
        "suspend": st.booleans(),
        "retryDelaysSeconds": st.lists(st.integers(1, 600) | _ODD_NUMBERS, max_size=4),
        "timeoutSeconds": st.sampled_from([30, 300, 3600]) | _ODD_NUMBERS,
        "destination": st.sampled_from(
            [
                {"type": "duckdb"},
                {"type": "postgres", "secretName": "w"},
                {"type": "postgres"},
                {"type": "odd"},
            ]
        ),
    },
)
_plugins = st.none() | st.builds(
    lambda default, least: plugin(
        default_update_frequency_minutes=default, min_update_frequency_minutes=least
    ),
    st.sampled_from([15, 525_600]),
    st.sampled_from([1, 60]),
)
_schedulers = st.none() | st.builds(
    lambda suspend, kept: scheduler(suspend=suspend, history_succeeded=kept),
    st.booleans(),
    st.integers(0, 2),
)
_pods = st.none() | st.sampled_from(
    [
        PodReport(),
        PodReport(found=True),
        PodReport(found=True, exit_code=0, termination_message='{"rows": 5}'),
        PodReport(found=True, exit_code=11, termination_message='{"retryAfterSeconds": 1e400}'),
        PodReport(found=True, exit_code=10, termination_message="[" * 4000),
        PodReport(found=True, unschedulable="no node"),
    ]
)


@st.composite
def integrations(draw: st.DrawFn) -> Integration:
    annotations = draw(
        _some(
            **{
                names.REQUESTED_AT: st.sampled_from(["t1", "t1", "a\nb"]),
                names.REQUESTED_MODE: st.sampled_from([*Mode, *Mode, "other"]),
                names.REQUESTED_SINCE: st.sampled_from(["2026-01-01", "2026-01-01", "never"]),
                names.RESET_AT: st.sampled_from(["r1", "a\nb"]),
            }
        )
    )
    metadata = {
        "uid": UID,
        "namespace": "team-a",
        "name": "alice",
        "generation": draw(st.integers(1, 3)),
        "resourceVersion": "10",
        "creationTimestamp": draw(_times),
        "annotations": annotations,
    }
    return integration.parse(
        {"metadata": metadata, "spec": draw(_specs), "status": draw(_statuses)}
    )


@st.composite
def views(draw: st.DrawFn, mostly_idle: bool = False) -> View:
    """``mostly_idle``: with little that stands against a claim, so that many examples end in one."""
    subject = draw(integrations())
    if mostly_idle:
        run = subject.status.run
        status = replace(subject.status, run=replace(run, outcome=Outcome.FAILED) if run else None)
        fit = replace(subject.spec, destination=POSTGRES)
        subject = replace(subject, status=status, spec=fit)
    run = subject.status.run
    jobs = []
    for number in draw(st.lists(st.integers(1, 7), max_size=3, unique=True)):
        end = draw(st.sampled_from(["", "", "succeeded", "failed"]))
        own = run is not None and run.number == number and run.job_name
        jobs.append(
            Job(
                uid=f"j{number}",
                namespace="team-a",
                name=run.job_name if own and run is not None else job_name(subject, number),
                resource_version=number,
                owner_uid=UID,
                run_number=number,
                created_at=NOW,
                deadline_seconds=draw(st.sampled_from([None, 30, 300, 86_400])),
                succeeded=end == "succeeded",
                failed=end == "failed",
                failure_reason=draw(st.sampled_from(["", "DeadlineExceeded"])),
                completed_at=draw(st.sampled_from([None, NOW, NOW + DAY, NOW - 9999 * DAY])),
                ready=not end and draw(st.booleans()),
                deleting=draw(st.booleans()),
            )
        )
    if mostly_idle:
        keeps = scheduler(history_succeeded=9, history_failed=9)
        suspended = replace(keeps, suspend=True)
        return View(
            subject,
            plugin=plugin(),
            scheduler=draw(st.sampled_from([keeps, keeps, keeps, suspended, None])),
            jobs=tuple([j for j in jobs if j.finished or j.deleting][: draw(st.integers(0, 1))]),
            admitted=True,
        )
    return View(
        subject,
        plugin=draw(_plugins),
        scheduler=draw(_schedulers),
        config_problem=draw(st.sampled_from([None, None, "spec.config.url: is missing"])),
        jobs=tuple(jobs),
        rejection=draw(st.sampled_from([None, None, None, "exceeded quota"])),
        job_absent=draw(st.booleans()),
        job_is_live=draw(st.booleans()),
        job_seen=draw(st.booleans()),
        job_age_seconds=draw(st.floats(0, 5000)),
        job_was_ready=draw(st.booleans()),
        pod=draw(_pods),
        pod_looks=draw(st.integers(0, 4)),
        volume_claim_exists=draw(st.sampled_from([None, True, False])),
        status_is_live=draw(st.booleans()),
        admitted=draw(st.booleans()),
        waiting_since=draw(st.sampled_from([None, NOW, NOW - DAY, NOW + DAY])),
    )
