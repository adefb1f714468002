"""The Job as the API server took it: what no manifest of ours shows, since the server may drop or default it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from tests.operator.support import (
    QUICK,
    job_of,
    plugin,
)
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def restricted(world: World) -> None:
    """A namespace of the strictest Pod Security takes these pods."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    world.core.patch_namespace(world.namespace, {"metadata": {"labels": label}})


def job(world: World, name: str) -> Any:
    return world.jobs.read_namespaced_job(job_of(world, name), world.namespace)


def test_the_pod_may_nothing_and_a_drain_is_nobodys_failure(world: World) -> None:
    world.make("plain", fate=QUICK)
    spec = job(world, "plain").spec
    pod = spec.template.spec
    (container,) = pod.containers
    assert (container.security_context.allow_privilege_escalation, pod.host_network) == (
        False,
        None,
    )
    assert container.security_context.read_only_root_filesystem is True
    assert container.security_context.capabilities.drop == ["ALL"]
    assert container.security_context.capabilities.add is None
    assert pod.security_context.run_as_non_root is True
    assert pod.security_context.run_as_user == pod.security_context.run_as_group == 65532
    assert pod.security_context.fs_group == 65532
    assert pod.security_context.seccomp_profile.type == "RuntimeDefault"
    assert (pod.restart_policy, pod.termination_grace_period_seconds) == ("Never", 15)
    assert (pod.automount_service_account_token, pod.enable_service_links) == (False, False)
    # With this policy Kubernetes replaces a pod only once the one before it has ended.
    assert spec.pod_replacement_policy == "Failed"
    (rule,) = spec.pod_failure_policy.rules
    assert rule.action == "Ignore"
    assert [(c.type, c.status) for c in rule.on_pod_conditions] == [("DisruptionTarget", "True")]
    assert (spec.backoff_limit, spec.completions, spec.parallelism) == (0, 1, 1)
    assert spec.ttl_seconds_after_finished == 86_400


def test_a_file_database_is_a_folder_of_its_own_on_the_claim(world: World) -> None:
    claim = {
        "metadata": {"name": "lake"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    destination = {"type": "duckdb", "claimName": "lake", "dataset": "mine"}
    for name in ("one", "t.w-o"):
        world.make(name, fate=QUICK, destination=destination)
    for name in ("one", "t.w-o"):
        pod = job(world, name).spec.template.spec
        (container,) = pod.containers
        volumes = {v.name: v for v in pod.volumes}
        assert set(volumes) == {"tmp", "data"}
        assert volumes["data"].persistent_volume_claim.claim_name == "lake"
        (mount,) = [m for m in container.volume_mounts if m.name == "data"]
        assert (mount.mount_path, mount.sub_path) == ("/var/lib/spark/data", name)
        told = json.loads(container.env[0].value)["destination"]
        assert told == {"type": "duckdb", "claimName": "lake", "dataset": "mine"}


# That a missing Secret holds up no pod is kubelet's to show; fake pods mount nothing.
def test_secrets_are_mounted_by_declared_key_and_all_are_optional(
    world: World,
) -> None:
    keys = [{"name": "token"}, {"name": "hint", "required": False}]
    with plugin(world, "keys", credentials=keys) as service:
        world.make("with-secret", fate=QUICK, service=service, credentialsSecretName="mine")
        world.make("without", fate=QUICK, service=service)
        world.make("undeclared", fate=QUICK, credentialsSecretName="mine")
        pods = {
            name: job(world, name).spec.template.spec
            for name in ("with-secret", "without", "undeclared")
        }
    secrets = {
        name: {v.name: v.secret for v in pod.volumes if v.secret} for name, pod in pods.items()
    }
    assert set(secrets["with-secret"]) == {"credentials", "destination"}
    assert set(secrets["without"]) == set(secrets["undeclared"]) == {"destination"}
    credentials = secrets["with-secret"]["credentials"]
    assert [(i.key, i.path) for i in credentials.items] == [("token", "token"), ("hint", "hint")]
    assert (credentials.secret_name, credentials.optional) == ("mine", True)
    assert credentials.default_mode == 0o440
    (mount,) = [
        m for m in pods["with-secret"].containers[0].volume_mounts if m.name == "credentials"
    ]
    assert (mount.mount_path, mount.read_only) == ("/var/run/spark/credentials", True)
    warehouse = secrets["without"]["destination"]
    assert [i.key for i in warehouse.items] == [
        "host",
        "port",
        "dbname",
        "username",
        "password",
        "sslmode",
        "sslrootcert",
    ]
    assert (warehouse.secret_name, warehouse.optional) == ("warehouse", True)


def test_a_timeout_of_the_user_is_the_jobs_deadline_and_is_told_to_the_runner(world: World) -> None:
    for name, seconds in (("short", 30), ("long", 3600)):
        world.make(name, fate=QUICK, timeoutSeconds=seconds)
        spec = job(world, name).spec
        assert spec.active_deadline_seconds == seconds
        told = json.loads(spec.template.spec.containers[0].env[0].value)
        assert told["timeoutSeconds"] == seconds


TEMPLATE: dict[str, Any] = {
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
    "labels": {"team": "data", "spark-integrations.dev/run": "forged"},
    "imagePullSecrets": [{"name": "registry"}],
}


CREDENTIALS = [{"name": "token"}, {"name": "account", "required": False}]


@pytest.fixture(scope="module")
def priority(world: World) -> Iterator[str]:
    scheduling = client.SchedulingV1Api(world.core.api_client)
    body = {"metadata": {"name": world.namespace}, "value": 7}
    scheduling.create_priority_class(body)
    yield world.namespace
    scheduling.delete_priority_class(world.namespace)


def test_the_job_on_the_api_server_is_the_one_that_user_and_administrator_described(
    world: World, priority: str
) -> None:
    world.change_scheduler(podTemplate={**TEMPLATE, "priorityClassName": priority})
    with plugin(world, "keys", image="plugins/keys:1", credentials=CREDENTIALS) as service:
        world.make(
            "described",
            fate={**QUICK, "note": "costs $(HOME) and $$5"},
            service=service,
            credentialsSecretName="alice",
            destination={"type": "postgres", "secretName": "lake", "dataset": "alice_1"},
            timeoutSeconds=77,
        )
        made = job(world, "described")
        # The pod ran, so the namespace's Pod Security has let it in.
        assert world.wait_outcome("described", 1)["outcome"] == "Succeeded"
    pod, container = made.spec.template.spec, made.spec.template.spec.containers[0]

    assert made.spec.active_deadline_seconds == 77
    assert made.metadata.owner_references[0].uid == world.get("described")["metadata"]["uid"]
    assert made.metadata.owner_references[0].block_owner_deletion is False
    assert made.spec.template.metadata.labels["team"] == "data"
    assert made.spec.template.metadata.labels["spark-integrations.dev/run"] == "1"

    assert container.image == "plugins/keys:1"
    assert container.resources.requests == {"cpu": "50m"}
    assert container.resources.limits == {"memory": "256Mi"}
    assert pod.node_selector == {"type": "kwok"}
    assert [t.key for t in pod.tolerations] == ["spot"]
    assert [s.name for s in pod.image_pull_secrets] == ["registry"]
    assert pod.priority_class_name == priority

    environment = {e.name: e.value for e in container.env}
    assert set(environment) == {"SPARK_INTEGRATION", "JOB_CREATED_AT"}
    assert "$" not in environment["SPARK_INTEGRATION"]
    told = json.loads(environment["SPARK_INTEGRATION"])
    assert told["config"]["dev.spark/note"] == "costs $(HOME) and $$5"
    assert told["destination"]["dataset"] == "alice_1"
    secrets = {v.name: v.secret for v in pod.volumes if v.secret}
    assert (secrets["credentials"].secret_name, secrets["destination"].secret_name) == (
        "alice",
        "lake",
    )


def test_without_wishes_the_job_has_the_runners_image_and_a_dataset_of_its_own(
    world: World,
) -> None:
    world.make("wishless", fate=QUICK)
    made = job(world, "wishless")
    container = made.spec.template.spec.containers[0]
    assert container.image == "none:1"
    assert made.spec.active_deadline_seconds == 300
    told = json.loads(container.env[0].value)
    assert told["credentials"] is None
    assert told["destination"]["dataset"].startswith(
        world.namespace.replace("-", "_") + "_wishless_"
    )


def test_the_longest_name_that_the_api_server_takes_is_fetched(world: World) -> None:
    names = ["a" * 253, ".".join(["b" * 63] * 3), "1.2"]
    for name in names:
        world.make(name, fate=QUICK)
    for name in names:
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"
