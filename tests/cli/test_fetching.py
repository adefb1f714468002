"""``fetch``, with ``--wait`` and without."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
from kubernetes.client.exceptions import ApiException
from tests.cli.support import Spark, ended
from tests.operator.support import NEVER_AGAIN, QUICK, fails, runs, settings
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def test_without_force_only_what_is_due_or_has_failed_is_fetched(
    spark: Spark, world: World
) -> None:
    world.make("a-fresh", fate=QUICK)
    world.make("a-failed", fate=fails(), **NEVER_AGAIN)
    world.wait_reason("a-fresh", "Fetched")
    world.wait_reason("a-failed", "BackingOff")
    answer = spark("fetch", "a-fresh", "a-failed")
    assert answer.code == 0
    assert "a-fresh not due" in answer.out
    assert "a-failed fetch requested" in answer.out
    world.wait_outcome("a-failed", 2)
    assert runs(world, "a-fresh") == 1
    assert world.run("a-failed")["trigger"] == "Requested"


def test_with_force_what_is_fresh_is_fetched_too(spark: Spark, world: World) -> None:
    world.make("b", fate={**QUICK, "message": '{"rows": 5}'})
    world.wait_reason("b", "Fetched")
    answer = spark("fetch", "b", "--force", "--wait")
    assert answer.code == 0
    assert answer.out.splitlines() == ["b fetch requested", "1 succeeded"]
    assert "b: Succeeded: 5 rows loaded." in answer.err
    assert runs(world, "b") == 2


def test_a_left_over_mode_does_not_make_a_fetch_a_backfill(spark: Spark, world: World) -> None:
    world.make("c", fate=QUICK)
    world.wait_reason("c", "Fetched")
    assert spark("backfill", "c", "--since", "2026-01-31", "--wait").code == 0
    assert world.run("c")["mode"] == "backfill"
    assert spark("fetch", "c", "--force", "--wait").code == 0
    assert (world.run("c")["mode"], world.run("c").get("since")) == ("fetch", None)


def test_waiting_goes_on_through_the_retries_to_the_last(spark: Spark, world: World) -> None:
    world.make("d", fate=QUICK, retryDelaysSeconds=[1, 1])
    world.wait_reason("d", "Fetched")
    world.change("d", config=settings(fails(message="The host is down.")))
    answer = spark("fetch", "d", "--force", "--wait")
    assert answer.code == 1
    assert answer.err.count("retries go on") == 2
    assert "d: Failed: The host is down." in answer.err
    assert world.run("d")["attempt"] == 3
    assert answer.out.splitlines()[-1] == "1 failed"


def test_a_retry_that_succeeds_is_a_success(spark: Spark, world: World) -> None:
    world.make("e", fate=fails(), **NEVER_AGAIN)
    world.wait_reason("e", "BackingOff")
    process = spark.start("fetch", "e", "--wait")
    until(lambda: runs(world, "e") == 2 and world.ended("e", 2), 30, "it was not fetched")
    world.change("e", config=settings(QUICK))
    answer = ended(process)
    assert answer.code == 0, answer.err
    assert "retries go on" in answer.err
    assert answer.out.splitlines()[-1] == "1 succeeded"


def test_when_the_time_is_over_it_says_that_retries_go_on(spark: Spark, world: World) -> None:
    world.make("f", fate=fails(), **NEVER_AGAIN)
    world.wait_reason("f", "BackingOff")
    answer = spark("fetch", "f", "--wait", "--timeout", "4s")
    assert answer.code == 3
    assert answer.out.splitlines()[-1] == "1 retrying"
    assert "retries go on" in answer.out


def test_what_is_deleted_meanwhile_is_not_waited_for(spark: Spark, world: World) -> None:
    world.make("g", fate={"outcome": "hang"})
    world.wait_reason("g", "Fetching")
    process = spark.start("fetch", "g", "--wait")
    assert process.stderr is not None
    assert "Running" in process.stderr.readline()
    world.delete("integration", "g")
    answer = ended(process, 20)
    assert answer.code == 1
    assert "1 deleted" in answer.out


def test_what_is_made_anew_under_the_name_is_another(spark: Spark, world: World) -> None:
    world.make("h", fate={"outcome": "hang"})
    world.wait_reason("h", "Fetching")
    process = spark.start("fetch", "h", "--wait")
    assert process.stderr is not None
    assert "Running" in process.stderr.readline()
    world.delete("integration", "h")
    until(lambda: _made(world, "h"), 20, "not made anew")
    answer = ended(process, 20)
    assert answer.code == 1
    assert "1 deleted" in answer.out


def _made(world: World, name: str) -> bool:
    """False while the one before is there still."""
    try:
        world.make(name, fate=QUICK)
    except ApiException as error:
        if error.status != 409:
            raise
        return False
    return True


def test_a_run_that_goes_on_is_waited_for_and_not_started_again(spark: Spark, world: World) -> None:
    world.make("i", fate={"delay": "3s"})
    world.wait_reason("i", "Fetching")
    answer = spark("fetch", "i", "--wait")
    assert answer.code == 0
    assert "run 1 goes on already" in answer.out
    assert runs(world, "i") == 1


def test_a_forced_fetch_during_a_run_comes_after_it(spark: Spark, world: World) -> None:
    world.make("j", fate={"delay": "2s"})
    world.wait_reason("j", "Fetching")
    answer = spark("fetch", "j", "--force", "--wait")
    assert answer.code == 0, answer.err
    assert "requested, after run 1 that goes on" in answer.out
    assert runs(world, "j") == 2


def test_what_is_suspended_is_not_asked_for_and_fails_where_it_was_named(
    spark: Spark, world: World
) -> None:
    world.make("k", suspend=True)
    world.wait_reason("k", "Suspended")
    answer = spark("fetch", "k", "--force", "--wait")
    assert answer.code == 1
    assert "k not asked for: spec.suspend is true" in answer.out
    assert "annotations" not in world.get("k")["metadata"]


def test_a_suspension_while_it_waits_ends_the_waiting(spark: Spark, world: World) -> None:
    world.make("l", fate={"delay": "4s"})
    world.wait_reason("l", "Fetching")
    process = spark.start("fetch", "l", "--force", "--wait")
    assert process.stderr is not None
    until(
        lambda: (
            "spark-integrations.dev/requestedAt"
            in world.get("l")["metadata"].get("annotations", {})
        ),
        10,
        "nothing was asked for",
    )
    world.change("l", suspend=True)
    answer = ended(process, 30)
    assert answer.code == 1
    assert "1 held" in answer.out


def test_many_are_chosen_by_service_or_all_and_nothing_said_is_wrong_use(
    spark: Spark, world: World
) -> None:
    assert spark("fetch").code == 2
    assert spark("fetch", "x", "--all").code == 2
    assert spark("fetch", "--all", "--timeout", "3s").code == 2
    answer = spark("fetch", "--service", "nosuch")
    assert (answer.code, answer.out) == (0, "")
    told = spark("fetch", "--service", world.namespace, "-o", "json").json
    assert {each["name"] for each in told} >= {"a-fresh", "b", "k"}


def test_a_document_tells_each_with_its_end(spark: Spark, world: World) -> None:
    world.make("m", fate={**QUICK, "message": '{"rows": 2}'})
    world.wait_reason("m", "Fetched")
    (told,) = spark("fetch", "m", "--force", "--wait", "-o", "json").json
    assert told["phase"] == "Succeeded"
    assert (told["name"], told["namespace"], told["run"], told["rows"]) == (
        "m",
        world.namespace,
        2,
        2,
    )
    assert told["request"] == world.run("m")["request"]


def test_all_namespaces_are_followed_at_once(spark: Spark, world: World) -> None:
    answer = spark("fetch", "-A", "--service", world.namespace, "-l", "nosuch=label")
    assert answer.code == 0
    world.make("n", fate=QUICK)
    world.wait_reason("n", "Fetched")
    patch = {"metadata": {"labels": {"only": "n"}}}
    world.objects.patch_namespaced_custom_object(
        "spark-integrations.dev", "v1", world.namespace, "integrations", "n", patch
    )
    answer = spark("fetch", "-A", "-l", "only=n", "--force", "--wait")
    assert answer.code == 0
    assert f"{world.namespace}/n fetch requested" in answer.out


def test_on_a_terminal_the_progress_is_a_view_that_ends_with_all_of_it(
    spark: Spark, world: World
) -> None:
    world.make("o", fate={"delay": "1s", "message": '{"rows": 9}'})
    world.wait_reason("o", "Fetched")
    main, side = pty.openpty()
    command = spark.command("fetch", "o", "--force", "--wait")
    environment = {**os.environ, "KUBECONFIG": str(world.kubeconfig), "TERM": "xterm"}
    with subprocess.Popen(
        command, env=environment, stdin=side, stdout=side, stderr=side, close_fds=True
    ) as process:
        os.close(side)
        seen = b""
        try:
            while chunk := os.read(main, 65536):
                seen += chunk
        except OSError:
            # So a terminal tells that nobody writes any more.
            pass
        assert process.wait(30) == 0
    os.close(main)
    told = seen.decode()
    assert "Running" in told
    assert "9 rows loaded." in told
    assert told.rstrip().endswith("1 succeeded")
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l"), "the cursor is left hidden"
