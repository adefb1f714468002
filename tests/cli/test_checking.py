"""``check``, ``schedule``, ``history``, ``logs``, ``plugins``, ``plugin``: looking without touching."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.kubelet import Kubelet
from tests.cli.support import Spark, ended
from tests.operator.support import NEVER_AGAIN, QUICK, fails, job_of, moment, settings
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def versions(world: World) -> dict[str, str]:
    """The resourceVersion of every Integration."""
    found = world.objects.list_namespaced_custom_object(
        GROUP, VERSION, world.namespace, "integrations"
    )
    return {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in found["items"]}


@pytest.fixture(scope="module", autouse=True)
def some(world: World) -> None:
    world.make("fresh", fate={**QUICK, "message": '{"rows": 3}'}, updateFrequencyMinutes=60)
    world.make("broken", fate=fails(message="The host is down."), retryDelaysSeconds=[1800])
    world.make("paused", suspend=True)
    world.make("hanging", fate={"outcome": "hang"})
    world.make("refused", service="nosuch")
    world.wait_reason("fresh", "Fetched")
    world.wait_reason("broken", "BackingOff")
    world.wait_reason("paused", "Suspended")
    world.wait_reason("hanging", "Fetching")
    world.wait_reason("refused", "UnknownService")


def test_a_check_tells_what_would_happen_to_each_and_writes_nothing(
    spark: Spark, world: World
) -> None:
    before = versions(world)
    answer = spark("check")
    assert answer.code == 1, "one is held until somebody acts"
    told = {name: row[1:3] for name, row in answer.table.items()}
    assert told == {
        "fresh": ["Wait", "Fetched"],
        "broken": ["Wait", "BackingOff"],
        "paused": ["Hold", "Suspended"],
        "hanging": ["Run", "Fetching"],
        "refused": ["Hold", "UnknownService"],
    }
    assert versions(world) == before
    assert spark("check", "fresh", "paused").code == 0
    told = spark("check", "broken", "-o", "json").json
    assert told[0]["nextUpdateAt"] == world.status("broken")["nextUpdateAt"]


def test_what_is_due_would_start_and_waits_where_no_place_is_free(
    spark: Spark, world: World
) -> None:
    # The operator writes no status while it is suspended, so what is due stays so.
    world.change_scheduler(suspend=True)
    try:
        world.make("due-1")
        world.make("due-2")
        world.wait_reason("due-2", "Suspended")
        assert spark("check", "due-1").table["due-1"][1:3] == ["Hold", "Suspended"]
    finally:
        world.change_scheduler(suspend=False, maxConcurrentFetches=1)
    try:
        answer = spark("check", "due-1", "due-2")
        assert {row[1] for row in answer.rows} == {"Queue"}
        assert "maxConcurrentFetches" in answer.rows[0][-1]
    finally:
        world.change_scheduler(maxConcurrentFetches=50)
    world.wait_reason("due-1", "Fetched")
    world.wait_reason("due-2", "Fetched")
    for name in ("due-1", "due-2"):
        world.delete("integration", name)


def test_what_no_operator_has_looked_at_would_start(spark: Spark, world: World) -> None:
    """In a namespace that nobody watches, as before the operator is up."""
    elsewhere = f"{world.namespace}-later"
    world.core.create_namespace({"metadata": {"name": elsewhere}})
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Integration",
        "metadata": {"name": "first"},
        "spec": {"service": world.namespace},
    }
    world.objects.create_namespaced_custom_object(GROUP, VERSION, elsewhere, "integrations", body)
    answer = Spark(world.kubeconfig, elsewhere)("check", "--scheduler", f"{world.namespace}/spark")
    assert answer.table["first"][1:3] == ["Start", "Scheduled"]
    assert "a fetch, attempt 1, would start" in answer.out
    world.objects.delete_namespaced_custom_object(
        GROUP, VERSION, elsewhere, "integrations", "first"
    )


def test_a_claim_that_is_missing_is_told(spark: Spark, world: World) -> None:
    elsewhere = f"{world.namespace}-claim"
    world.core.create_namespace({"metadata": {"name": elsewhere}})
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Integration",
        "metadata": {"name": "file"},
        "spec": {"service": world.namespace, "destination": {"type": "duckdb"}},
    }
    world.objects.create_namespaced_custom_object(GROUP, VERSION, elsewhere, "integrations", body)
    answer = Spark(world.kubeconfig, elsewhere)("check", "--scheduler", f"{world.namespace}/spark")
    assert answer.code == 1
    assert answer.table["file"][1:3] == ["Hold", "InvalidConfig"]
    assert 'no PersistentVolumeClaim "spark-data"' in answer.out
    world.objects.delete_namespaced_custom_object(GROUP, VERSION, elsewhere, "integrations", "file")


def test_a_connection_check_is_run_by_the_operator(spark: Spark, world: World) -> None:
    world.make("checked", fate={**QUICK, "message": '{"message": "The service answered."}'})
    world.wait_reason("checked", "Fetched")
    last = world.status("checked")["lastSuccessfulUpdateAt"]
    answer = spark("check", "checked", "--connection", "--wait")
    assert answer.code == 0
    assert "checked: Succeeded: The service answered." in answer.err
    assert world.run("checked")["mode"] == "check"
    assert world.status("checked")["lastSuccessfulUpdateAt"] == last
    world.change("checked", config=settings(fails(code=10, message="It knows us not.")))
    answer = spark("check", "checked", "--connection", "--wait")
    assert answer.code == 1
    assert "It knows us not." in answer.out
    assert spark("check", "--connection").code == 2
    assert spark("check", "checked", "--wait").code == 2
    world.delete("integration", "checked")


def test_the_schedule_has_the_next_fetches_in_their_order(spark: Spark, world: World) -> None:
    answer = spark("schedule")
    names = [row[0] for row in answer.rows]
    assert names == ["broken", "fresh", "hanging", "paused", "refused"]
    assert answer.table["fresh"][2] == "60 min"
    assert answer.table["fresh"][3] == world.status("fresh")["nextUpdateAt"]
    assert answer.table["paused"][-2:] == ["never", "Suspended"]
    told = spark("schedule", "-o", "json").json
    at = [moment(each["nextUpdateAt"]) for each in told if "nextUpdateAt" in each]
    assert len(at) == 2
    assert at == sorted(at)
    assert spark("schedule", "nobody").code == 1


def test_the_history_tells_of_the_runs_whose_jobs_are_kept(spark: Spark, world: World) -> None:
    world.make("h", fate={**QUICK, "message": '{"rows": 7}'}, **NEVER_AGAIN)
    world.wait_reason("h", "Fetched")
    world.change("h", config=settings(fails(message="The host is down.")))
    for number in (2, 3):
        world.request("h", f"t{number}")
        world.wait_outcome("h", number)
    answer = spark("history", "h")
    assert [row[:2] for row in answer.rows] == [
        ["1", "Succeeded"],
        ["2", "Failed"],
        ["3", "Failed"],
    ]
    assert "7" in answer.rows[0]
    assert answer.rows[1][-1] == answer.rows[2][-1] == "The host is down."
    told = spark("history", "h", "-o", "json").json
    assert [each["number"] for each in told] == [1, 2, 3]
    assert told[1]["errorClass"] == "transient"
    assert told[2]["jobName"] == world.run("h")["jobName"]
    assert spark("history", "nobody").code == 1
    assert spark("history", "paused").rows == []


def test_plugins_are_listed_and_one_is_told_with_its_settings(spark: Spark, world: World) -> None:
    world.change_plugin(
        configSchema={
            "type": "object",
            "properties": {"url": {"type": "string", "description": "Where it is."}},
            "required": ["url"],
        },
        credentials=[{"name": "token", "description": "Of the account."}],
    )
    try:
        assert spark("plugins").table[world.namespace][1] == "Demo"
        assert "token" in spark("plugins").out
        answer = spark("plugin", world.namespace)
        assert "url    string   required   Where it is." in answer.out
        assert "token   yes        Of the account." in answer.out
        one = spark("plugin", world.namespace, "-o", "json").json
        assert one["kind"] == "Plugin"
        assert spark("plugins", "-o", "name").out.startswith("plugin.spark-integrations.dev/")
        unknown = spark("plugin", "nosuch")
        assert unknown.code == 1
        assert f"there are: {world.namespace}" in unknown.err or world.namespace in unknown.err
    finally:
        plain = {"type": "object", "properties": None, "required": None}
        world.change_plugin(configSchema=plain, credentials=[])


def test_the_log_of_a_run_is_printed_as_its_kubelet_gives_it(
    spark: Spark, world: World, apiserver: Any
) -> None:
    with Kubelet(world, apiserver) as kubelet:
        pod = kubelet.adopt("hanging", job_of(world, "hanging"))
        kubelet.say(pod, "one\n", "two\n")
        answer = spark("logs", "hanging")
        assert (answer.code, answer.out) == (0, "one\ntwo\n")
        assert kubelet.asked[-1].endswith(f"/containerLogs/{world.namespace}/{pod}/fetch")
        spark("logs", "hanging", "--tail", "1")
        assert "tailLines=1" in kubelet.asked[-1]
        assert spark("logs", "hanging", "--run", "1").out == "one\ntwo\n"


def test_a_log_is_followed_while_it_is_written(spark: Spark, world: World, apiserver: Any) -> None:
    with Kubelet(world, apiserver) as kubelet:
        pod = kubelet.adopt("hanging", job_of(world, "hanging"))
        kubelet.say(pod, "one\n")
        with spark.start("logs", "hanging", "-f") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "one\n"
            kubelet.say(pod, "two\n")
            assert process.stdout.readline() == "two\n"
            kubelet.release()
            assert ended(process).code == 0
        assert "follow=true" in kubelet.asked[-1]


def test_why_there_is_no_log_is_said(spark: Spark, world: World) -> None:
    assert "has never been fetched" in spark("logs", "paused").err
    assert "no Job of run 9 is kept" in spark("logs", "hanging", "--run", "9").err
    assert 'there is no integration "nobody"' in spark("logs", "nobody").err
    world.make("starting", fate={"outcome": "pending", "reason": "ErrImagePull"})
    job = job_of(world, "starting")
    until(lambda: _waits(world, job), 20, "its pod does not wait")
    answer = spark("logs", "starting")
    assert answer.code == 1
    assert "ErrImagePull" in answer.err
    world.delete("integration", "starting")


def _waits(world: World, job: str) -> bool:
    pods = world.core.list_namespaced_pod(
        world.namespace, label_selector=f"batch.kubernetes.io/job-name={job}"
    ).items
    return bool(pods and pods[0].status.container_statuses)
