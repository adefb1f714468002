"""What happens while a run goes on: it ends, its outcome is recorded, and only then does the change count.

| while a run goes on | what must follow | test_… |
|---|---|---|
| the spec changes | the run is recorded with its generation; after a success the normal rule | the_spec_changed_during_a_run_that_succeeds_… |
| | after a failure of any class due now, as attempt 1, and no failed cycle is left to wait for | the_spec_changed_during_a_run_that_fails_… |
| | the ladder and the pause end | the_spec_changed_while_it_backs_off_… |
| suspended, either kind | the Job ends and is recorded, no retry until resumed | suspended_during_a_run_… |
| | toggled during the run: no back-off is left | suspended_and_resumed_during_a_run_… |
| | toggled after it: the same | suspended_and_resumed_while_it_backs_off_… |
| a request | it waits for the end, then one run, attempt 1 | a_request_during_a_run_… |
| | in the ladder: at once, the old cycle does not count as failed | a_request_in_the_ladder_… |
| | while suspended: pending until resumed | a_request_during_a_run_that_is_suspended_… |
| the Plugin is deleted | the run is recorded, then UnknownService | the_plugin_deleted_during_a_run_… |
| deleted and made anew | nothing of the old counts, its Job goes with it | an_integration_made_anew_… |
| the Secret is mended after InvalidCredentials | not noticed; the message ends with the command that retries | a_secret_mended_… |
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from dev.toolchain import Toolchain
from tests.operator.support import (
    NEVER_AGAIN,
    QUICK,
    end_pod,
    fails,
    job_of,
    moment,
    plugin,
    pod_of,
    runs,
    settings,
)
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

HANGS = {"outcome": "hang"}
SLOW = {"delay": "2s"}
# Each ends the cycle or begins a wait of an hour, if nothing else comes.
FAILURES = {
    "transient": fails(delay="2s"),
    "permanent": fails(10, delay="2s", reason="InvalidCredentials"),
}


def ends_with(world: World, name: str, *, succeeds: bool) -> None:
    """Let the pod of the run that goes on end now."""
    pod = pod_of(world, job_of(world, name, runs(world, name)))
    if not succeeds:
        end_pod(world, pod)
        return
    ended = {"exitCode": 0, "reason": "Completed"}
    status = {"name": "fetch", "image": "none:1", "imageID": "", "ready": False, "restartCount": 0}
    end_pod(
        world,
        pod,
        phase="Succeeded",
        containerStatuses=[{**status, "state": {"terminated": ended}}],
    )


def seen_by_now(world: World, marker: str) -> None:
    """What was written before this is known to the operator after it: a watch tells in order."""
    world.make(marker, fate=QUICK)
    world.wait_outcome(marker, 1)


@contextmanager
def suspended(world: World, name: str, whose: str) -> Iterator[None]:
    """One Integration by its own spec, or all of them by the Scheduler."""
    change: Callable[[bool], None] = (
        (lambda value: world.change(name, suspend=value))
        if whose == "its own"
        else (lambda value: world.change_scheduler(suspend=value))
    )
    change(True)
    try:
        yield
    finally:
        change(False)


either_kind = pytest.mark.parametrize("whose", ["its own", "the Scheduler"])


# --- the spec changes


def test_the_spec_changed_during_a_run_that_succeeds_counts_from_the_next_one(
    world: World,
) -> None:
    world.make("edited", fate=SLOW, updateFrequencyMinutes=60)
    job_of(world, "edited")
    world.change("edited", updateFrequencyMinutes=120)
    run = world.wait_outcome("edited", 1)
    assert (run["outcome"], run["generation"]) == ("Succeeded", 1)
    world.wait_reason("edited", "Fetched")
    status = world.status("edited")
    assert status["observedGeneration"] == 2
    waits = moment(status["nextUpdateAt"]) - moment(run["finishedAt"])
    assert waits == timedelta(minutes=120)
    assert runs(world, "edited") == 1


@pytest.mark.parametrize("kind", FAILURES)
def test_the_spec_changed_during_a_run_that_fails_is_tried_at_once_and_as_the_first_attempt(
    world: World, kind: str
) -> None:
    name = f"mended-{kind}"
    world.make(name, fate=FAILURES[kind], **NEVER_AGAIN)
    job_of(world, name)
    world.change(name, config=settings(QUICK))
    run = world.wait_outcome(name, 2, seconds=20)
    assert (run["outcome"], run["attempt"], run["generation"]) == ("Succeeded", 1, 2)
    assert run["trigger"] == "Scheduled"


def test_the_spec_changed_while_it_backs_off_ends_ladder_and_pause_but_not_retry_after(
    world: World,
) -> None:
    fates = {
        "on-the-ladder": (fails(), {}),
        "in-the-pause": (fails(), {"retryDelaysSeconds": []}),
        "told-to-wait": (fails(11, retryAfterSeconds=1800), {}),
    }
    for name, (fate, spec) in fates.items():
        world.make(name, fate=fate, **{**NEVER_AGAIN, **spec})
    for name in fates:
        world.wait_outcome(name, 1)
    for name in ("told-to-wait", "on-the-ladder", "in-the-pause"):
        world.change(name, config=settings(QUICK))
    for name in ("on-the-ladder", "in-the-pause"):
        run = world.wait_outcome(name, 2, seconds=10)
        assert (run["outcome"], run["attempt"]) == ("Succeeded", 1)
        assert world.status(name)["consecutiveFailures"] == 0
    assert runs(world, "told-to-wait") == 1
    assert world.status("told-to-wait")["observedGeneration"] == 2


# --- suspended, by the Integration or by the Scheduler


@either_kind
def test_suspended_during_a_run_its_outcome_is_recorded_and_nothing_follows_until_resumed(
    world: World, whose: str
) -> None:
    names = {f"{outcome}-{whose[:3]}": outcome for outcome in ("succeeds", "fails")}
    for name in names:
        fate = fails(delay="2s") if names[name] == "fails" else SLOW
        world.make(name, fate=fate.copy(), retryDelaysSeconds=[1], updateFrequencyMinutes=60)
    for name in names:
        job_of(world, name)
    succeeds, failing = names
    with suspended(world, succeeds, whose), suspended(world, failing, whose):
        assert world.wait_outcome(succeeds, 1)["outcome"] == "Succeeded"
        assert world.wait_outcome(failing, 1)["outcome"] == "Failed"
        ended = moment(world.run(failing)["finishedAt"])
        for name in names:
            world.wait_reason(name, "Suspended")
            assert "nextUpdateAt" not in world.status(name)
        # By the API server's own clock the retry would have come by now.
        until(lambda: moment(heartbeat(world)) >= ended + timedelta(seconds=4), 10)
        assert [runs(world, name) for name in names] == [1, 1]
    run = world.wait_outcome(failing, 2, seconds=15)
    # Of the second run, which is the first attempt; or, for who looks late, of the retry that follows it.
    assert run["attempt"] == run["number"] - 1
    world.wait_reason(succeeds, "Fetched")
    assert runs(world, succeeds) == 1


def heartbeat(world: World) -> str:
    """When the operator last renewed its Lease, which it does every two seconds."""
    lease = world.leases.read_namespaced_lease("spark", world.namespace)
    return str(lease.spec.renew_time.isoformat())


@either_kind
def test_suspended_and_resumed_during_a_run_that_fails_no_back_off_is_left(
    world: World, whose: str
) -> None:
    name = f"toggled-{whose[:3]}"
    world.make(name, fate=HANGS, **NEVER_AGAIN)
    job_of(world, name)
    with suspended(world, name, whose):
        # Another one says so when the operator has taken notice.
        world.make(f"beside-{name}", fate=QUICK, suspend=whose == "its own")
        world.wait_reason(f"beside-{name}", "Suspended")
    ends_with(world, name, succeeds=False)
    run = job_of(world, name, 2) and world.run(name)
    assert (run["attempt"], run["trigger"]) == (1, "Scheduled")
    assert world.status(name)["consecutiveFailures"] == 0


@either_kind
@pytest.mark.parametrize("where", ["ladder", "pause"])
def test_suspended_and_resumed_while_it_backs_off_it_is_tried_at_once_and_as_the_first_attempt(
    world: World, whose: str, where: str
) -> None:
    name = f"{where}-{whose[:3]}"
    delays = [3600] if where == "ladder" else []
    world.make(name, fate=fails(), **{**NEVER_AGAIN, "retryDelaysSeconds": delays})
    world.wait_outcome(name, 1)
    with suspended(world, name, whose):
        world.wait_reason(name, "Suspended")
    assert world.wait_outcome(name, 2, seconds=10)["attempt"] == 1


# --- a request


def test_a_request_during_a_run_waits_for_its_end_and_many_are_one_run(world: World) -> None:
    world.make("busy", fate=HANGS, updateFrequencyMinutes=60)
    job_of(world, "busy")
    for token in ("a", "b", "c"):
        world.request("busy", token)
    seen_by_now(world, "after-busy")
    assert world.run("busy")["outcome"] == "Running"
    assert runs(world, "busy") == 1
    world.change("busy", config=settings(QUICK))
    ends_with(world, "busy", succeeds=True)
    run = world.wait_outcome("busy", 2)
    assert (run["attempt"], run["trigger"]) == (1, "Requested")
    assert world.status("busy")["lastHandledRequest"] == "c"
    world.wait_reason("busy", "Fetched")
    assert runs(world, "busy") == 2


def test_a_request_during_a_run_that_fails_begins_a_new_cycle_and_the_old_one_does_not_count(
    world: World,
) -> None:
    world.make("asked", fate=fails(delay="2s"), **NEVER_AGAIN)
    job_of(world, "asked")
    world.request("asked", "again")
    run = world.wait_outcome("asked", 2, seconds=20)
    assert (run["attempt"], run["trigger"]) == (1, "Requested")
    assert world.status("asked")["consecutiveFailures"] == 0


def test_a_request_in_the_ladder_is_a_new_run_at_once_and_the_old_cycle_does_not_count(
    world: World,
) -> None:
    world.make("climbing", fate=fails(), retryDelaysSeconds=[1, 3600], updateFrequencyMinutes=60)
    assert world.wait_outcome("climbing", 2)["attempt"] == 2
    world.wait_reason("climbing", "BackingOff")
    world.request("climbing", "now")
    run = world.wait_outcome("climbing", 3, seconds=10)
    assert (run["attempt"], run["trigger"]) == (1, "Requested")
    assert world.status("climbing")["consecutiveFailures"] == 0
    # The new cycle has its own retries: the second follows after a second, not after an hour.
    assert world.wait_outcome("climbing", 4, seconds=10)["attempt"] == 2


@either_kind
def test_a_request_during_a_run_that_is_suspended_is_pending_until_it_is_resumed(
    world: World, whose: str
) -> None:
    name = f"held-{whose[:3]}"
    world.make(name, fate=HANGS, updateFrequencyMinutes=60)
    job_of(world, name)
    with suspended(world, name, whose):
        world.request(name, "later")
        ends_with(world, name, succeeds=True)
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
        world.wait_reason(name, "Suspended")
        assert "lastHandledRequest" not in world.status(name)
    job_of(world, name, 2)
    assert (world.run(name)["attempt"], world.run(name)["trigger"]) == (1, "Requested")
    assert world.status(name)["lastHandledRequest"] == "later"


# --- what is deleted


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
def test_the_plugin_deleted_during_a_run_the_outcome_is_recorded_then_the_service_unknown(
    world: World, outcome: str
) -> None:
    name = f"orphan-{outcome.lower()}"
    with plugin(world, "passing") as service:
        world.make(name, fate=HANGS, service=service, **NEVER_AGAIN)
        job_of(world, name)
    ends_with(world, name, succeeds=outcome == "Succeeded")
    assert world.wait_outcome(name, 1)["outcome"] == outcome
    ready = world.wait_reason(name, "UnknownService")
    assert f'There is no Plugin "{service}"' in ready["message"]
    assert world.condition(name, "Stalled")["status"] == "True"
    with plugin(world, "passing"):
        world.wait_reason(name, "Fetched" if outcome == "Succeeded" else "BackingOff")
        assert world.condition(name, "Stalled")["status"] == "False"
        # The hour of the ladder goes on: nobody changed what was asked for.
        assert runs(world, name) == 1


def test_an_integration_made_anew_under_its_name_begins_anew(world: World) -> None:
    first = world.make("twin", fate=fails(), **NEVER_AGAIN)
    world.wait_outcome("twin", 1)
    world.change("twin", config=settings(HANGS))
    job = job_of(world, "twin", 2)
    world.delete("integration", "twin")
    second = world.make("twin", fate=QUICK)
    assert first != second
    run = world.wait_outcome("twin", 1)
    assert (run["number"], run["attempt"], run["outcome"]) == (1, 1, "Succeeded")
    assert run["jobName"] != job
    assert "lastFailedAt" not in world.status("twin")
    assert runs(world, "twin") == 1
    # The garbage collector learns of a new kind only at its next round, half a minute after the CRD.
    until(lambda: job not in world.job_names(), 60, "the old Job stays")


# --- what is mended where the operator cannot see it


def test_a_secret_mended_after_wrong_credentials_is_fetched_by_the_command_that_ends_the_message(
    world: World,
) -> None:
    advice = (
        f"kubectl annotate integration locked-out -n {world.namespace} "
        "spark-integrations.dev/requestedAt=$(date +%s) --overwrite"
    )
    told = f'the shop takes no token: mend the Secret "mine", then {advice}'
    fate = fails(10, reason="InvalidCredentials", message=told)
    world.make("locked-out", fate=fate, credentialsSecretName="mine", **NEVER_AGAIN)
    world.wait_outcome("locked-out", 1)
    said = world.wait_reason("locked-out", "InvalidCredentials")["message"]
    assert said.endswith(advice)
    assert "The next attempt is at" in said

    world.core.create_namespaced_secret(
        world.namespace, {"metadata": {"name": "mine"}, "stringData": {"token": "right"}}
    )
    seen_by_now(world, "after-mending")
    assert runs(world, "locked-out") == 1
    command = re.search(r"kubectl .*", said)
    assert command is not None
    kubectl = Toolchain().path("kubectl")
    subprocess.run(
        ["sh", "-c", command[0]],
        check=True,
        timeout=20,
        capture_output=True,
        env={
            **os.environ,
            "KUBECONFIG": str(world.kubeconfig),
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
        },
    )
    assert world.wait_outcome("locked-out", 2, seconds=10)["trigger"] == "Requested"
