"""What changes between two reads is not taken for something that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import World

from spark_cli.decide.verdict import Action
from spark_cli.gather import evaluation, facts
from spark_cli.gather.cluster import Cluster
from spark_cli.gather.jobs import jobs_by_owner
from spark_operator.model import integration as integrations
from spark_operator.model.status import Status

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_a_run_that_began_between_the_two_lists_is_no_stray(world: World) -> None:
    world.make("alice", fate={"outcome": "hang"})
    world.wait_reason("alice", "Fetching")
    cluster = Cluster.connect(str(world.kubeconfig), None, namespace=world.namespace)
    now = integrations.parse(world.get("alice"))
    before = replace(now, status=Status())
    jobs = tuple(jobs_by_owner(cluster, world.namespace)[now.uid])
    assert jobs[0].run_number == 1
    read = facts.read(cluster)
    told, _ = evaluation.decided(cluster, read, before, jobs, place=False)
    assert (told.action, told.reason) == (Action.RUN, "Fetching")
    gone = replace(before, uid="of-the-one-before")
    owned = tuple(replace(job, owner_uid=gone.uid) for job in jobs)
    told, _ = evaluation.decided(cluster, read, gone, owned, place=False)
    assert told.action is Action.HOLD
    assert "deleted just now" in told.message
