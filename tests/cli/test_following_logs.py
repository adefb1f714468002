"""``logs -f`` after a request: the log of the run that was asked for, and not of the one before."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from tests.cli.server import Answer, Asked, Server
from tests.cli.support import Spark
from tests.cli.test_reaching import kubeconfig
from tests.decide.make import OWNER, failed, fetching, integration, job, run, succeeded

from spark_cli.decide import kept
from spark_operator.model.status import Status

OLD = job(uid="6", name="alice-6", run_number=6, succeeded=True)
NEW = job(uid="7", name="alice-7", run_number=7)


def test_whoever_follows_means_the_run_that_goes_on() -> None:
    assert kept.followed(fetching(run(number=7, job_name="alice-7")), [OLD, NEW]) == NEW
    assert kept.followed(fetching(run(number=7, job_name="alice-7")), [OLD]) is None


def test_whoever_follows_means_the_run_that_was_asked_for() -> None:
    ended_ = Status(run=succeeded(number=6, job_name="alice-6"), last_handled_request="t0")
    asked = integration(status=ended_, requested_at="t1", requested_mode="fetch")
    assert kept.followed(asked, [OLD]) is None
    assert kept.awaited(asked)
    taken = integration(status=ended_, requested_at="t0", requested_mode="fetch")
    assert kept.followed(taken, [OLD]) == OLD
    assert not kept.awaited(integration(status=Status(run=failed())))


def integration_body(number: int, outcome: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "alice",
            "namespace": "default",
            "uid": "u",
            "annotations": {"spark-integrations.dev/requestedAt": "t1"},
        },
        "spec": {"service": "demo"},
        "status": {
            "run": {"number": number, "outcome": outcome, "jobName": f"alice-{number}"},
            "lastHandledRequest": "t1" if number == 7 else "t0",
        },
    }


def job_body(number: int) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"alice-{number}",
            "namespace": "default",
            "uid": f"job-{number}",
            "labels": {"spark-integrations.dev/run": str(number)},
            "ownerReferences": [OWNER],
        }
    }


def test_after_a_fetch_its_own_log_is_followed_once_its_job_is_there(tmp_path: Path) -> None:
    """The operator takes the request between two looks, and makes the Job between two more."""
    looks = itertools.count(1)
    taken, made = 2, 3
    seen = 0

    def answer(asked: Asked) -> Answer:
        nonlocal seen
        if asked.target.startswith("/apis/spark-integrations.dev"):
            seen = next(looks)
            running = seen >= taken
            return Answer(body=integration_body(*((7, "Running") if running else (6, "Succeeded"))))
        if "/jobs" in asked.target:
            numbers = (6, 7) if seen >= made else (6,)
            return Answer(body={"metadata": {}, "items": [job_body(number) for number in numbers]})
        if asked.target.endswith("/log") or "/log?" in asked.target:
            return Answer(lines=[asked.target.split("/pods/")[1].partition("/")[0]])
        of = "7" if "job-7" in asked.target else "6"
        running = {"name": "fetch", "state": {"running": {}}}
        pod = {"metadata": {"name": f"pod-{of}"}, "status": {"containerStatuses": [running]}}
        return Answer(body={"metadata": {}, "items": [pod]})

    with Server(answer) as server:
        told = Spark(kubeconfig(tmp_path, server.url))("logs", "alice", "-f")
    assert (told.code, told.out) == (0, '"pod-7"\n'), told.err
