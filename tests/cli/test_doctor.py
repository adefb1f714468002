"""``doctor``: what is broken is named, with what to do; and what a user with few rights is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.chart.support import PLURALS
from tests.chart.support import crd as of_chart
from tests.cli.support import VIEW, Spark, account, operator_rules
from tests.decide.make import NOW, ago, integration, plugin, scheduler
from tests.operator.support import QUICK
from tests.support.world import World

from spark_cli.decide import health
from spark_cli.decide.health import Level, Place
from spark_operator.model.destination import Destination
from spark_operator.model.plugin import CredentialKey

WAREHOUSE = {"host": "db", "dbname": "d", "username": "u", "password": "canary-5d21-password"}


# --- judged without a cluster


def test_a_crd_that_is_missing_or_of_another_version_is_told() -> None:
    ours = {kind: of_chart(kind) for kind in PLURALS}
    plurals = list(PLURALS.values())
    assert {f.level for f in health.crds(plurals, ours, ours)} == {Level.OK}
    assert {f.level for f in health.crds(plurals, {}, ours)} == {Level.OK}, (
        "not to be read is no fault"
    )
    gone = health.crds(["plugins", "schedulers"], {}, ours)
    assert [f.level for f in gone].count(Level.FAIL) == 1
    old = of_chart("Integration")
    spec = old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["timeoutSeconds"]
    told = health.crds(plurals, {"Integration": old}, ours)
    assert [f.level for f in told].count(Level.WARN) == 1


def test_clocks_that_disagree_are_told() -> None:
    fine = health.clock(timedelta(0), timedelta(seconds=-2))
    assert [f.level for f in fine] == [Level.OK, Level.OK]
    off = health.clock(timedelta(minutes=2), timedelta(seconds=30))
    assert [f.level for f in off] == [Level.WARN, Level.FAIL]
    assert "120 s behind" in off[0].message
    assert "30 s ahead" in off[1].message
    (_, late) = health.clock(timedelta(0), timedelta(minutes=-3))
    assert (late.level, "180 s behind" in late.message) == (Level.FAIL, True)
    assert len(health.clock(timedelta(0), None)) == 1, (
        "of a clock that nobody knows nothing is told"
    )


def test_a_scheduler_that_is_missing_silent_or_suspended_is_told() -> None:
    assert health.scheduler(None, None, NOW).level is Level.FAIL
    assert health.scheduler(scheduler(), None, NOW).level is Level.FAIL
    assert health.scheduler(scheduler(), ago(minutes=5), NOW).level is Level.FAIL
    assert health.scheduler(scheduler(suspend=True), NOW, NOW).level is Level.WARN
    assert health.scheduler(scheduler(), ago(seconds=30), NOW).level is Level.OK


def lease(holder: str, renewed: str) -> dict[str, Any]:
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}
    return {"spec": spec}


def test_a_lease_that_nobody_holds_or_renews_is_told() -> None:
    assert health.lease(lease("a_1", "2026-03-01T11:59:55.123456Z"), "l", NOW).level is Level.OK
    silent = health.lease(lease("a_1", "2026-03-01T11:50:00.000000Z"), "l", NOW)
    assert silent.level is Level.FAIL
    assert "no replica of the operator is alive" in silent.message
    assert health.lease(lease("", "2026-03-01T11:59:55Z"), "l", NOW).level is Level.FAIL
    assert health.lease(None, "l", NOW).level is Level.FAIL


def test_a_service_without_its_plugin_and_a_schema_that_is_none_are_told() -> None:
    (fine,) = health.plugins([plugin()], [integration()])
    assert fine.level is Level.OK
    (gone,) = health.plugins([], [integration()])
    assert "1 Integration of it cannot be fetched" in gone.message
    (broken,) = health.plugins([plugin(config_schema={"type": "nothing"})], [])
    assert broken.level is Level.FAIL


def test_a_destination_lacks_its_secret_its_keys_or_its_claim() -> None:
    def judged(target: Destination, **seen: Any) -> health.Finding:
        found = {"secret_keys": None, "claim": None, "seen": True, **seen}
        return health.destination(Place("team-a", target), **found)

    postgres = Destination("postgres", secret_name="warehouse")
    assert judged(postgres).level is Level.FAIL
    assert "lacks password" in judged(postgres, secret_keys=["host", "dbname", "username"]).message
    assert judged(postgres, secret_keys=list(WAREHOUSE)).level is Level.OK
    assert judged(postgres, seen=False).level is Level.WARN
    file = Destination("duckdb")
    assert judged(file).level is Level.FAIL
    assert judged(file, claim={"status": {"phase": "Bound"}}).level is Level.OK
    assert judged(file, claim={"status": {"phase": "Lost"}}).level is Level.FAIL
    assert judged(Destination("mysql")).level is Level.FAIL


def test_credentials_lack_their_secret_or_keys() -> None:
    wants = plugin(credentials=(CredentialKey("token"), CredentialKey("extra", required=False)))
    named = integration(spec=integration().spec.__class__("demo", credentials_secret_name="alice"))
    assert health.credentials(named, wants, ["token"]) is None
    assert health.credentials(named, plugin(), None) is None
    for subject, keys in ((named, ["extra"]), (named, None), (integration(), None)):
        finding = health.credentials(subject, wants, keys)
        assert finding is not None
        assert finding.level is Level.FAIL


# --- on a cluster


def levels(spark: Spark, *options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    answer = spark("doctor", "-o", "json", *options)
    return answer.code, {f["subject"]: (f["level"], f["message"]) for f in answer.json}


@pytest.mark.apiserver
@pytest.mark.slow
def test_what_is_broken_is_named_until_it_is_mended(spark: Spark, world: World) -> None:
    world.make("alice", fate=QUICK)
    world.wait_reason("alice", "Fetched")
    place = f"destination postgres, Secret {world.namespace}/warehouse"
    code, told = levels(spark)
    assert code == 1
    assert told[place] == ("fail", "is not there: create it")
    secret = {"metadata": {"name": "warehouse"}, "stringData": WAREHOUSE}
    world.core.create_namespaced_secret(world.namespace, secret)
    answer = spark("doctor")
    assert answer.code == 0, answer.out
    assert WAREHOUSE["password"] not in answer.out
    code, told = levels(spark)
    assert told[place] == ("ok", "has its keys")
    assert told[f"Scheduler {world.namespace}/spark"][0] == "ok"
    assert told[f"Lease {world.namespace}/spark"][0] == "ok"
    assert told["clock of the operator"][0] == "ok"
    assert told["CRD integrations.spark-integrations.dev"] == ("ok", "is served")
    assert told["rights of the operator"][0] == "warn", "it is no pod here"


@pytest.mark.apiserver
@pytest.mark.slow
def test_the_rights_of_the_operator_are_those_that_the_chart_grants(
    spark: Spark, world: World, tmp_path: Path
) -> None:
    """The leading replica as a pod: by its name the account is found, and asked about."""
    account(world, "operator", [], tmp_path)
    holder = world.leases.read_namespaced_lease("spark", world.namespace).spec.holder_identity
    body = {
        "metadata": {"name": holder.rpartition("_")[0]},
        "spec": {
            "serviceAccountName": "operator",
            "containers": [{"name": "o", "image": "none:1"}],
        },
    }
    world.core.create_namespaced_pod(world.namespace, body)
    answer = spark("doctor")
    assert answer.code == 1
    assert "may not patch integrations.spark-integrations.dev/status" in answer.out
    world.objects.patch_cluster_custom_object(
        "rbac.authorization.k8s.io",
        "v1",
        "clusterroles",
        f"{world.namespace}-operator",
        {"rules": operator_rules()},
    )
    _, told = levels(spark)
    user = f"system:serviceaccount:{world.namespace}:operator"
    assert told[f"rights of the operator ({user})"][0] == "ok"


@pytest.mark.apiserver
@pytest.mark.slow
def test_who_may_only_look_can_look_and_is_told_what_is_refused(
    world: World, tmp_path: Path
) -> None:
    viewer = Spark(account(world, "viewer", VIEW, tmp_path), world.namespace)
    assert viewer("list").code == 0
    listed = viewer("schedule")
    assert listed.code == 0
    assert "You may not read Schedulers" in listed.err
    refused = viewer("fetch", "alice", "--force")
    assert refused.code == 1
    assert "cannot patch resource" in refused.out
    suspended = viewer("suspend", "alice")
    assert suspended.code == 1
    assert "cannot patch resource" in suspended.err
    assert viewer("check").code == 4, "Jobs are not to be read"
    code, told = levels(viewer)
    assert code in (0, 1)
    assert told["Scheduler"][0] == "warn"
    stranger = Spark(account(world, "stranger", [], tmp_path), world.namespace)
    answer = stranger("list")
    assert answer.code == 4
    (line,) = answer.err.splitlines()
    assert "cannot list resource" in line


@pytest.mark.apiserver
@pytest.mark.slow
def test_a_command_gives_the_credential_and_is_asked_once(world: World, tmp_path: Path) -> None:
    """As managed clusters want it: exec, of version v1."""
    path = account(world, "by-command", VIEW, tmp_path)
    config = yaml.safe_load(path.read_text())
    token = config["users"][0]["user"]["token"]
    credential = tmp_path / "credential.json"
    credential.write_text(
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
        f'"status": {{"token": "{token}"}}}}'
    )
    command = tmp_path / "give"
    command.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/calls\ncat {credential}\n")
    command.chmod(0o755)
    wanted = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./give",
        "interactiveMode": "Never",
    }
    config["users"][0]["user"] = {"exec": wanted}
    path.write_text(yaml.safe_dump(config))
    user = Spark(path, world.namespace)
    answer = user("schedule")
    assert answer.code == 0, answer.err
    assert (tmp_path / "calls").read_text() == "asked\n"
    credential.write_text(credential.read_text().replace(token, "canary-not-a-token"))
    refused = user("list")
    assert refused.code == 4
    assert "does not accept the credentials" in refused.err
    command.unlink()
    gone = user("list")
    assert gone.code == 4
    assert "is not installed" in gone.err
