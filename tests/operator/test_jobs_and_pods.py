"""The Job as the API server took it, and pods that end or wait without a word of the runner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from tests.operator.support import NEVER_AGAIN, QUICK, end_pod, job_of, plugin, pod_of
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

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


@pytest.fixture(scope="module", autouse=True)
def waiting(world: World, priority: str) -> None:
    """In a namespace of the strictest Pod Security; what takes half a minute begins with the module."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    world.core.patch_namespace(world.namespace, {"metadata": {"labels": label}})
    claim = {
        "metadata": {"name": "nobody-provides"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    destination = {"type": "duckdb", "claimName": "nobody-provides"}
    world.make("homeless", fate=QUICK, destination=destination, timeoutSeconds=30, **NEVER_AGAIN)


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
        job = world.jobs.read_namespaced_job(job_of(world, "described"), world.namespace)
        # The pod ran, so the namespace's Pod Security has let it in.
        assert world.wait_outcome("described", 1)["outcome"] == "Succeeded"
    pod, container = job.spec.template.spec, job.spec.template.spec.containers[0]

    assert job.spec.active_deadline_seconds == 77
    assert job.spec.backoff_limit == 0
    assert job.metadata.owner_references[0].uid == world.get("described")["metadata"]["uid"]
    assert job.metadata.owner_references[0].block_owner_deletion is False
    assert job.spec.template.metadata.labels["team"] == "data"
    assert job.spec.template.metadata.labels["spark-integrations.dev/run"] == "1"

    assert container.image == "plugins/keys:1"
    assert container.resources.requests == {"cpu": "50m"}
    assert container.resources.limits == {"memory": "256Mi"}
    assert pod.node_selector == {"type": "kwok"}
    assert [t.key for t in pod.tolerations] == ["spot"]
    assert [s.name for s in pod.image_pull_secrets] == ["registry"]
    assert pod.priority_class_name == priority
    assert pod.automount_service_account_token is False

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
    assert [i.key for i in secrets["credentials"].items] == ["token", "account"]
    assert all(secret.optional for secret in secrets.values())


def test_without_wishes_the_job_has_the_runners_image_and_a_dataset_of_its_own(
    world: World,
) -> None:
    world.make("plain", fate=QUICK)
    job = world.jobs.read_namespaced_job(job_of(world, "plain"), world.namespace)
    container = job.spec.template.spec.containers[0]
    assert container.image == "none:1"
    assert job.spec.active_deadline_seconds == 300
    told = json.loads(container.env[0].value)
    assert told["credentials"] is None
    assert told["destination"]["dataset"].startswith(world.namespace.replace("-", "_") + "_plain_")


def test_the_longest_name_that_the_api_server_takes_is_fetched(world: World) -> None:
    names = ["a" * 253, ".".join(["b" * 63] * 3), "1.2"]
    for name in names:
        world.make(name, fate=QUICK)
    for name in names:
        assert world.wait_outcome(name, 1)["outcome"] == "Succeeded"


def test_a_pod_that_filled_its_disk_is_evicted_and_the_message_says_so(world: World) -> None:
    world.make("greedy", fate={"outcome": "hang"}, **NEVER_AGAIN)
    pod = pod_of(world, job_of(world, "greedy"))
    # kubelet marks no disruption here: it is the pod's own doing.
    end_pod(world, pod, reason="Evicted", message='Usage of EmptyDir volume "tmp" exceeds 1Gi.')
    run = world.wait_outcome("greedy", 1, seconds=10)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "evicted")
    assert "exceeds 1Gi" in world.condition("greedy")["message"]


def test_a_pod_that_fits_nowhere_is_said_while_it_waits_and_remembered_at_the_deadline(
    world: World,
) -> None:
    until(
        lambda: "No node takes the pod" in world.condition("homeless").get("message", ""),
        25,
        lambda: f"{world.status('homeless')}",
    )
    assert world.run("homeless")["outcome"] == "Running"
    run = world.wait_outcome("homeless", 1, seconds=40)
    assert run["errorClass"] == "unschedulable"
    assert "PersistentVolumeClaim" in run["message"]
