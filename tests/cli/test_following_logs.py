"""``logs -f`` after a request: the log of the run that was asked for, and not of the one before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.kubelet import Kubelet
from tests.cli.support import Spark, ended
from tests.decide.make import failed, fetching, integration, job, run, succeeded
from tests.operator.support import NEVER_AGAIN, QUICK, job_of, settings
from tests.support.world import World

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


@pytest.mark.apiserver
@pytest.mark.slow
def test_after_a_fetch_its_own_log_is_followed(spark: Spark, world: World, apiserver: Any) -> None:
    world.make("alice", fate=QUICK, **NEVER_AGAIN)
    world.wait_reason("alice", "Fetched")
    world.change("alice", config=settings({"outcome": "hang"}))
    with Kubelet(world, apiserver) as kubelet:
        before = kubelet.adopt("alice", job_of(world, "alice"))
        kubelet.say(before, "of the run before\n")
        assert spark("fetch", "alice", "--force").code == 0
        with spark.start("logs", "alice", "-f") as process:
            after = kubelet.adopt("alice", job_of(world, "alice", 2, 60))
            kubelet.say(after, "of this run\n")
            kubelet.release()
            answer = ended(process)
    assert "of the run before" not in answer.out
