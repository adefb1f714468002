"""The Job of a run, from the objects as users and administrators write them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from spark_operator.act import job_manifest
from spark_operator.decide import validity
from spark_operator.model import integration, plugin, scheduler
from spark_operator.model.status import Mode, Run, Trigger

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
METADATA = {"uid": "uid-1", "namespace": "team-a", "name": "alice", "generation": 1}
POSTGRES = {"type": "postgres", "secretName": "warehouse"}


def build(
    spec: dict[str, Any] | None = None,
    plugin_spec: dict[str, Any] | None = None,
    scheduler_spec: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    subject = integration.parse(
        {"metadata": METADATA, "spec": {"service": "demo", "destination": POSTGRES, **(spec or {})}}
    )
    rules = scheduler.parse(
        {"metadata": {"name": "spark", "namespace": "spark"}, "spec": scheduler_spec or {}}
    )
    run = replace(Run(7, 2, Trigger.RETRY, 1, "alice-1234-7", NOW), **changes)
    return job_manifest.build(
        subject,
        plugin.parse({"metadata": {"name": "demo"}, "spec": plugin_spec or {}}),
        rules,
        run,
        target=validity.effective_destination(subject, rules),
        runner_image="runner:1",
        now=NOW,
    )


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return found


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod(manifest)["containers"][0]
    return found


def env(manifest: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["value"] for e in container(manifest)["env"]}


def document(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(env(manifest)["SPARK_INTEGRATION"])
    return found


def volume(manifest: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((v for v in pod(manifest)["volumes"] if v["name"] == name), None)


def test_the_pod_is_given_the_document_of_its_run() -> None:
    told = document(build(number=8, mode=Mode.RESET))
    assert (told["name"], told["run"], told["mode"]) == ("alice", 8, "reset")


def test_nothing_of_the_tenants_is_expanded_by_kubernetes() -> None:
    made = build({"config": {"url": "$(JOB_CREATED_AT) $$(X) \u2028 é"}})
    assert "$" not in env(made)["SPARK_INTEGRATION"]
    assert document(made)["config"] == {"url": "$(JOB_CREATED_AT) $$(X) \u2028 é"}
    assert set(env(made)) == {"SPARK_INTEGRATION", "JOB_CREATED_AT"}
    assert env(made)["JOB_CREATED_AT"] == "2026-03-01T12:00:00Z"


def test_the_deadline_is_the_users_timeout_and_the_operator_alone_retries() -> None:
    made = build({"timeoutSeconds": 90})
    assert made["spec"]["activeDeadlineSeconds"] == 90
    assert build()["spec"]["activeDeadlineSeconds"] == 300
    assert made["spec"]["backoffLimit"] == 0
    assert pod(made)["restartPolicy"] == "Never"


def test_a_disrupted_pod_is_not_counted() -> None:
    rule = build()["spec"]["podFailurePolicy"]["rules"][0]
    assert rule["action"] == "Ignore"
    assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]


def test_the_job_goes_with_its_integration_and_does_not_hold_it() -> None:
    owner = build()["metadata"]["ownerReferences"][0]
    assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "uid-1",
        True,
        False,
    )


def test_the_pod_is_restricted_and_has_no_token() -> None:
    made = build()
    assert pod(made)["automountServiceAccountToken"] is False
    assert pod(made)["enableServiceLinks"] is False
    assert pod(made)["securityContext"]["runAsNonRoot"] is True
    assert pod(made)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(made)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_room_to_work_in_is_bounded_and_nothing_else_can_be_written() -> None:
    volumes = {volume["name"]: volume for volume in pod(build())["volumes"]}
    assert volumes["tmp"] == {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}
    writable = [mount for mount in container(build())["volumeMounts"] if not mount.get("readOnly")]
    assert {mount["mountPath"] for mount in writable} <= {"/tmp", "/var/lib/spark/data"}


def test_only_the_keys_that_the_plugin_declares_are_mounted_and_may_be_missing() -> None:
    keys = [{"name": "token"}, {"name": "extra", "required": False}]
    made = build({"credentialsSecretName": "alice"}, {"credentials": keys})
    mounted = volume(made, "credentials")
    assert mounted is not None
    assert mounted["secret"]["secretName"] == "alice"
    assert [item["key"] for item in mounted["secret"]["items"]] == ["token", "extra"]
    assert mounted["secret"]["optional"] is True
    assert document(made)["credentials"] == {
        "secretName": "alice",
        "keys": [{"name": "token", "required": True}, {"name": "extra", "required": False}],
        "writeBackAccount": None,
    }


WRITING = {"writesCredentials": True, "credentials": [{"name": "refresh_token"}]}
WANTED = {"credentialsWriteBack": True, "credentialsSecretName": "alice-spotify"}


def test_where_both_want_it_the_pod_gets_an_account_of_its_own_and_a_token_that_ends() -> None:
    made = build({**WANTED, "timeoutSeconds": 900}, WRITING)
    assert pod(made)["serviceAccountName"] == "spark-fetch-alice"
    assert document(made)["credentials"]["writeBackAccount"] == "spark-fetch-alice"
    api = volume(made, "api")
    assert api is not None
    token = api["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"path": "token", "expirationSeconds": 915}
    # The token is where we put it, and nowhere else.
    assert pod(made)["automountServiceAccountToken"] is False
    (mount,) = [m for m in container(made)["volumeMounts"] if m["name"] == "api"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/var/run/spark/api", True)


@pytest.mark.parametrize(
    ("spec", "plugin_spec"),
    [
        ({**WANTED, "credentialsWriteBack": False}, WRITING),
        (WANTED, {**WRITING, "writesCredentials": False}),
        (WANTED, {"writesCredentials": True}),
        ({"credentialsWriteBack": True}, WRITING),
        ({**WANTED, "credentialsWriteBack": "yes"}, WRITING),
    ],
)
def test_where_one_does_not_want_it_the_pod_has_neither_account_nor_token(
    spec: dict[str, Any], plugin_spec: dict[str, Any]
) -> None:
    made = build(spec, plugin_spec)
    assert "serviceAccountName" not in pod(made)
    assert volume(made, "api") is None


def test_a_plugin_without_keys_gets_no_secret_whatever_the_user_names() -> None:
    assert volume(build({"credentialsSecretName": "alice"}), "credentials") is None


def test_a_service_with_keys_and_no_secret_named_is_for_the_runner_to_refuse() -> None:
    made = build(plugin_spec={"credentials": [{"name": "token"}]})
    assert document(made)["credentials"]["secretName"] is None
    assert volume(made, "credentials") is None


def test_the_image_is_the_plugins_or_the_installations_and_never_the_users() -> None:
    assert container(build())["image"] == "runner:1"
    assert container(build(plugin_spec={"image": "mine:2"}))["image"] == "mine:2"
    assert container(build({"image": "evil:3", "config": {"image": "evil:3"}}))["image"] == (
        "runner:1"
    )


def test_the_destination_is_the_integrations_or_the_schedulers() -> None:
    by_default = build(
        {"destination": None},
        scheduler_spec={"destination": {"type": "postgres", "secretName": "shared"}},
    )
    assert document(by_default)["destination"]["secretName"] == "shared"
    own = volume(build(), "destination")
    assert own is not None
    assert own["secret"]["secretName"] == "warehouse"
    assert "password" in {item["key"] for item in own["secret"]["items"]}


def test_duckdb_gets_a_folder_of_its_own_on_the_claim() -> None:
    made = build({"destination": {"type": "duckdb", "claimName": "mine", "dataset": "d"}})
    claim = volume(made, "data")
    assert claim is not None
    assert claim["persistentVolumeClaim"] == {"claimName": "mine"}
    mount = next(m for m in container(made)["volumeMounts"] if m["name"] == "data")
    assert mount["subPath"] == "alice"
    assert document(made)["destination"] == {"type": "duckdb", "claimName": "mine", "dataset": "d"}


def test_files_go_to_the_claim_or_to_the_bucket_with_its_keys() -> None:
    on_claim = build({"destination": {"type": "filesystem", "dataset": "d"}})
    claim = volume(on_claim, "data")
    assert claim is not None
    assert claim["persistentVolumeClaim"] == {"claimName": "spark-data"}
    assert volume(on_claim, "destination") is None
    assert document(on_claim)["destination"] == {
        "type": "filesystem",
        "claimName": "spark-data",
        "dataset": "d",
    }

    bucket = {
        "type": "filesystem",
        "bucketUrl": "s3://lake/raw",
        "secretName": "s3",
        "dataset": "d",
    }
    in_bucket = build({"destination": bucket})
    assert volume(in_bucket, "data") is None
    secret = volume(in_bucket, "destination")
    assert secret is not None
    assert secret["secret"]["secretName"] == "s3"
    keys = {item["key"] for item in secret["secret"]["items"]}
    assert keys == {"access_key_id", "secret_access_key", "region", "endpoint", "session_token"}
    assert document(in_bucket)["destination"] == bucket


def test_the_schedulers_bucket_is_the_default() -> None:
    bucket = {"type": "filesystem", "bucketUrl": "s3://lake", "secretName": "s3"}
    made = build({"destination": None}, scheduler_spec={"destination": bucket})
    assert document(made)["destination"]["bucketUrl"] == "s3://lake"


def test_the_schedulers_claim_is_the_default_of_duckdb() -> None:
    made = build(
        {"destination": None},
        scheduler_spec={"destination": {"type": "duckdb", "claimName": "shared"}},
    )
    claim = volume(made, "data")
    assert claim is not None
    assert claim["persistentVolumeClaim"] == {"claimName": "shared"}


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("nodeSelector", {"disk": "ssd"}, "nodeSelector"),
        ("tolerations", [{"key": "spot", "operator": "Exists"}], "tolerations"),
        (
            "tolerations",
            [
                {
                    "key": "spot",
                    "operator": "Equal",
                    "value": "yes",
                    "effect": "NoExecute",
                    "tolerationSeconds": 60,
                }
            ],
            "tolerations",
        ),
        ("priorityClassName", "low", "priorityClassName"),
        ("imagePullSecrets", [{"name": "registry"}], "imagePullSecrets"),
    ],
)
def test_the_administrators_pod_template_is_applied(field: str, value: Any, where: str) -> None:
    assert pod(build(scheduler_spec={"podTemplate": {field: value}}))[where] == value
    assert where not in pod(build())


def test_the_administrators_resources_are_the_containers() -> None:
    resources = {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m"}}
    made = build(scheduler_spec={"podTemplate": {"resources": resources}})
    assert container(made)["resources"] == resources


def test_the_administrators_labels_are_added_and_never_replace_ours() -> None:
    given = {"team": "data", "app.kubernetes.io/managed-by": "other"}
    made = build(scheduler_spec={"podTemplate": {"labels": given}})
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "data"
    assert labels["app.kubernetes.io/managed-by"] == "spark-integrations"
