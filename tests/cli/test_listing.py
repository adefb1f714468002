"""``list`` and ``status``: how Integrations are, at one look."""

from __future__ import annotations

import json
import threading

import pytest
import yaml
from tests.cli.support import Spark, ended
from tests.operator.support import NEVER_AGAIN, QUICK, fails
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def three(world: World) -> None:
    """One that is fresh, one that has failed, one that is suspended."""
    world.make("fresh", fate={**QUICK, "message": '{"rows": 3}'})
    world.make("broken", fate=fails(message="The host is down."), **NEVER_AGAIN)
    world.make("paused", suspend=True)
    world.wait_reason("fresh", "Fetched")
    world.wait_reason("broken", "BackingOff")
    world.wait_reason("paused", "Suspended")


def test_a_list_tells_the_state_of_each_and_why_one_is_not_running(spark: Spark) -> None:
    answer = spark("list")
    assert answer.code == 0
    assert answer.err == ""
    names = [row[0] for row in answer.rows]
    assert names == ["broken", "fresh", "paused"]
    assert answer.table["fresh"][2] == "Fetched"
    assert answer.table["fresh"][-1] == "3"
    assert answer.table["broken"][2] == "BackingOff"
    assert "The host is down." in answer.table["broken"][-1]
    assert "until it is resumed" in answer.table["paused"][-1]


def test_status_of_one_name_tells_of_that_one_alone(spark: Spark, world: World) -> None:
    answer = spark("status", "broken")
    assert answer.code == 0
    assert "Name:           broken" in answer.out
    assert "Outcome:   Failed (transient)" in answer.out
    assert world.run("broken")["jobName"] in answer.out
    assert "secretName warehouse" in answer.out
    assert "Warning   BackingOff   The host is down." in answer.out
    assert "fresh" not in answer.out
    assert "paused" not in answer.out


def test_status_without_a_name_is_the_list(spark: Spark) -> None:
    assert [row[:3] for row in spark("status").rows] == [row[:3] for row in spark("list").rows]


def test_a_name_that_is_not_there_fails_and_the_others_are_told_all_the_same(spark: Spark) -> None:
    for command in ("list", "status"):
        answer = spark(command, "nobody", "fresh")
        assert answer.code == 1
        assert 'there is no integration "nobody"' in answer.err
        assert "fresh" in answer.out


def test_a_name_may_be_as_o_name_gives_it(spark: Spark) -> None:
    given = spark("list", "-o", "name").out.split()
    assert given == [
        f"integration.spark-integrations.dev/{n}" for n in ("broken", "fresh", "paused")
    ]
    assert [row[0] for row in spark("list", *given).rows] == ["broken", "fresh", "paused"]


def test_documents_are_the_objects_of_the_cluster(spark: Spark, world: World) -> None:
    listed = spark("list", "-o", "json").json
    assert listed["kind"] == "List"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["broken", "fresh", "paused"]
    assert listed["items"][1]["status"] == world.status("fresh")
    one = yaml.safe_load(spark("status", "fresh", "-o", "yaml").out)
    assert one["kind"] == "Integration"
    assert one["spec"] == world.get("fresh")["spec"]


def test_wide_has_failures_and_the_message_of_those_that_are_well_too(spark: Spark) -> None:
    wide = spark("list", "-o", "wide")
    assert "FAILURES" in wide.out.splitlines()[0]
    assert "Loaded 3 rows." in wide.table["fresh"][-1]


def test_labels_and_services_choose(spark: Spark, world: World) -> None:
    patch = {"metadata": {"labels": {"team": "a"}}}
    world.objects.patch_namespaced_custom_object(
        "spark-integrations.dev", "v1", world.namespace, "integrations", "fresh", patch
    )
    assert [row[0] for row in spark("list", "-l", "team=a").rows] == ["fresh"]
    assert [row[0] for row in spark("list", "-l", "team!=a").rows] == ["broken", "paused"]
    assert len(spark("list", "--service", world.namespace).rows) == 3
    assert spark("list", "--service", "nosuch").out == ""


def test_all_namespaces_are_told_with_their_namespace(spark: Spark, world: World) -> None:
    answer = spark("list", "-A")
    assert answer.out.splitlines()[0].startswith("NAMESPACE")
    assert [world.namespace, "fresh"] in [row[:2] for row in answer.rows]
    assert spark("list", "-A", "fresh").code == 2


def test_a_watch_tells_changes_and_deletions(spark: Spark, world: World) -> None:
    world.make("fleeting", fate=QUICK)
    world.wait_reason("fleeting", "Fetched")
    lines: list[str] = []
    with spark.start("list", "--watch") as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()

        def told(word: str) -> bool:
            return any("fleeting" in line and word in line for line in list(lines))

        try:
            until(lambda: told("Fetched"), 20, lambda: str(lines))
            world.change("fleeting", suspend=True)
            until(lambda: told("Suspended"), 20, lambda: str(lines))
            world.delete("integration", "fleeting")
            until(lambda: told("Deleted"), 20, lambda: str(lines))
        finally:
            process.terminate()
            reader.join(10)


def test_an_interrupted_watch_ends_with_130_and_no_traceback(spark: Spark) -> None:
    process = spark.start("list", "--watch")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(2)
    answer = ended(process)
    assert answer.code == 130
    assert "Traceback" not in answer.err


def test_a_reader_that_has_enough_is_no_failure(spark: Spark) -> None:
    with spark.start("list", "-o", "json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_an_empty_namespace_is_said_on_standard_error(world: World) -> None:
    world.core.create_namespace({"metadata": {"name": f"{world.namespace}-empty"}})
    answer = Spark(world.kubeconfig, f"{world.namespace}-empty")("list")
    assert (answer.code, answer.out) == (0, "")
    assert "No integrations found" in answer.err
    empty = Spark(world.kubeconfig, f"{world.namespace}-empty")("list", "-o", "json")
    assert json.loads(empty.out)["items"] == []
