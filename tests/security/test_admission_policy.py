"""The policy that holds the operator's own account: what it makes passes, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from tests.security.edits import GONE, edited
from tests.security.shapes import BUCKET, DUCKDB, SHAPES, WITH_CREDENTIALS, WRITE_BACK, job
from tests.support.account import HARMLESS, Account
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver]

POD = "spec/template/spec"
BOX = f"{POD}/containers/0"
OURS = "spark-integrations.dev"


@pytest.fixture(scope="module")
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture(scope="module")
def account(
    apiserver: Any, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    made = Account(apiserver, tmp_path_factory.mktemp("account"), namespace=world.namespace)
    yield made
    made.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_job_that_the_operator_makes_passes(account: Account, shape: str) -> None:
    assert account.refusal(account.namespace, job(account.namespace, **SHAPES[shape])) == ""


# What is changed, in a Job of which shape, and a part of what the API server says to it.
Change = tuple[str, dict[str, Any], dict[str, Any], str]
OWNER = "must be an Integration"
LABELS = "must say whose fetch it is"
ENDS = "must end by itself"
ONE = "must have one container"
COMMAND = "the image alone must say"
ENVIRONMENT = "plain values only"
RESTRICTED = "restricted Pod Security"
PRIVILEGES = "without privileges"
NODE = "share no namespace with its node"
VOLUMES = "its volumes must be"
MOUNTS = "each volume must be mounted"
TOKEN = "no ServiceAccount and no token"
SCOPE = "for the API server alone"
HELD = "hold nothing back"
_token = {"serviceAccountToken": {"path": "token"}}

CHANGES: list[Change] = [
    ("no owner", {}, {"metadata/ownerReferences": GONE}, OWNER),
    ("a second owner", {}, {"metadata/ownerReferences/-": {
        "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}}, OWNER),
    ("an owner of another kind", {}, {"metadata/ownerReferences/0/kind": "Scheduler"}, OWNER),
    ("an owner that does not control", {}, {"metadata/ownerReferences/0/controller": False}, OWNER),
    ("another's label on the Job", {}, {f"metadata/labels/{OURS}~integration-uid": "other"}, LABELS),
    ("another's label on the pod", {},
     {f"spec/template/metadata/labels/{OURS}~integration-uid": "other"}, LABELS),
    ("no label of the operator", {}, {"metadata/labels/app.kubernetes.io~managed-by": GONE}, LABELS),
    ("a finalizer", {}, {"metadata/finalizers": ["example.com/stay"]}, HELD),
    ("a selector of its own", {}, {
        "spec/manualSelector": True, "spec/selector": {"matchLabels": {"app": "shop"}},
        "spec/template/metadata/labels/app": "shop"}, HELD),
    ("another controller", {}, {"spec/managedBy": "example.com/mine"}, HELD),
    ("no deadline", {}, {"spec/activeDeadlineSeconds": GONE}, ENDS),
    ("a deadline of a day", {}, {"spec/activeDeadlineSeconds": 86_400}, ENDS),
    ("retries of its own", {}, {"spec/backoffLimit": 6}, ENDS),
    ("a thousand pods at once", {}, {"spec/parallelism": 1000, "spec/completions": 1000}, ENDS),
    ("no end of its traces", {}, {"spec/ttlSecondsAfterFinished": GONE}, ENDS),
    ("a pod that restarts", {}, {
        f"{POD}/restartPolicy": "OnFailure", "spec/podFailurePolicy": GONE}, ENDS),
    ("a pod that lingers", {}, {f"{POD}/terminationGracePeriodSeconds": 3600}, ENDS),
    ("a second container", {}, {f"{POD}/containers/-": {"name": "side", "image": "x"}}, ONE),
    ("an init container", {}, {f"{POD}/initContainers": [{"name": "side", "image": "x"}]}, ONE),
    ("a command", {}, {f"{BOX}/command": ["sh", "-c", "cat /var/run/spark/*/*"]}, COMMAND),
    ("arguments", {}, {f"{BOX}/args": ["--help"]}, COMMAND),
    ("a hook", {}, {f"{BOX}/lifecycle": {"preStop": {"exec": {"command": ["sh"]}}}}, COMMAND),
    ("a probe that runs something", {},
     {f"{BOX}/livenessProbe": {"exec": {"command": ["sh"]}}}, COMMAND),
    ("a port of its node", {}, {f"{BOX}/ports": [{"containerPort": 80, "hostPort": 80}]}, COMMAND),
    ("a variable out of a Secret", {}, {f"{BOX}/env/-": {"name": "SPARK_X", "valueFrom": {
        "secretKeyRef": {"name": "admin", "key": "token"}}}}, ENVIRONMENT),
    ("all of a Secret as variables", {}, {
        f"{BOX}/envFrom": [{"secretRef": {"name": "admin"}}]}, ENVIRONMENT),
    ("a variable for the loader", {},
     {f"{BOX}/env/-": {"name": "LD_PRELOAD", "value": "/tmp/x.so"}}, ENVIRONMENT),
    ("root", {}, {f"{POD}/securityContext/runAsUser": 0,
                  f"{POD}/securityContext/runAsNonRoot": False}, RESTRICTED),
    ("no seccomp", {}, {f"{POD}/securityContext/seccompProfile/type": "Unconfined"}, RESTRICTED),
    ("a kernel setting", {}, {
        f"{POD}/securityContext/sysctls": [{"name": "kernel.msgmax", "value": "1"}]}, RESTRICTED),
    ("a further group", {}, {f"{POD}/securityContext/supplementalGroups": [0]}, RESTRICTED),
    ("no AppArmor, by annotation", {}, {"spec/template/metadata/annotations": {
        "container.apparmor.security.beta.kubernetes.io/fetch": "unconfined"}}, RESTRICTED),
    ("privileged", {}, {f"{BOX}/securityContext/privileged": True,
                        f"{BOX}/securityContext/allowPrivilegeEscalation": True}, PRIVILEGES),
    ("root in the container alone", {}, {f"{BOX}/securityContext/runAsUser": 0}, PRIVILEGES),
    ("a capability", {}, {f"{BOX}/securityContext/capabilities/add": ["NET_RAW"]}, PRIVILEGES),
    ("a root that can be written", {},
     {f"{BOX}/securityContext/readOnlyRootFilesystem": False}, PRIVILEGES),
    ("the network of its node", {}, {f"{POD}/hostNetwork": True}, NODE),
    ("the processes of its node", {}, {f"{POD}/hostPID": True}, NODE),
    ("the IPC of its node", {}, {f"{POD}/hostIPC": True}, NODE),
    ("a node of its choice", {}, {f"{POD}/nodeName": "control-plane"}, NODE),
    ("names of its choice for addresses", {}, {
        f"{POD}/hostAliases": [{"ip": "127.0.0.1", "hostnames": ["api.github.com"]}]}, NODE),
    ("a resolver of its choice", {}, {
        f"{POD}/dnsPolicy": "None", f"{POD}/dnsConfig": {"nameservers": ["192.0.2.1"]}}, NODE),
    ("a scheduler of its choice", {}, {f"{POD}/schedulerName": "mine"}, NODE),
    ("the disk of its node", {}, {f"{POD}/volumes/-": {"name": "data", "hostPath": {"path": "/"}}},
     VOLUMES),
    ("the disk of its node as /tmp", {}, {
        f"{POD}/volumes/0": {"name": "tmp", "hostPath": {"path": "/"}}}, VOLUMES),
    ("a ConfigMap", {}, {f"{POD}/volumes/-": {"name": "data", "configMap": {"name": "x"}}}, VOLUMES),
    ("a server's disk", {}, {
        f"{POD}/volumes/-": {"name": "data", "nfs": {"server": "10.0.0.1", "path": "/"}}}, VOLUMES),
    ("/tmp without a bound", {}, {f"{POD}/volumes/0/emptyDir": {}}, VOLUMES),
    ("/tmp in memory", {}, {f"{POD}/volumes/0/emptyDir/medium": "Memory"}, VOLUMES),
    ("all keys of a Secret", WITH_CREDENTIALS, {f"{POD}/volumes/1/secret/items": GONE}, VOLUMES),
    ("a Secret elsewhere", WITH_CREDENTIALS, {f"{BOX}/volumeMounts/1/mountPath": "/etc"}, MOUNTS),
    ("a Secret that can be written", WITH_CREDENTIALS,
     {f"{BOX}/volumeMounts/1/readOnly": False}, MOUNTS),
    ("all of the claim", {"destination": DUCKDB}, {f"{BOX}/volumeMounts/1/subPath": GONE}, MOUNTS),
    ("another's folder of the claim", {"destination": DUCKDB},
     {f"{BOX}/volumeMounts/1/subPath": "bob"}, MOUNTS),
    ("a folder by a variable", {"destination": DUCKDB}, {
        f"{BOX}/volumeMounts/1/subPath": GONE,
        f"{BOX}/volumeMounts/1/subPathExpr": "$(SPARK_INTEGRATION)"}, MOUNTS),
    ("mounts that reach the node", {"destination": DUCKDB},
     {f"{BOX}/volumeMounts/1/mountPropagation": "HostToContainer"}, MOUNTS),
    ("the token of the account", {}, {f"{POD}/automountServiceAccountToken": True}, TOKEN),
    ("an account", {}, {f"{POD}/serviceAccountName": "admin"}, TOKEN),
    ("an account of its own, without write-back", {},
     {f"{POD}/serviceAccountName": "spark-fetch-alice"}, TOKEN),
    ("another's account", WRITE_BACK, {f"{POD}/serviceAccountName": "spark-fetch-bob"}, TOKEN),
    ("no account with a token", WRITE_BACK, {f"{POD}/serviceAccountName": GONE}, TOKEN),
    ("another account for the longest name", {**WRITE_BACK, "name": "a" * 253},
     {f"{POD}/serviceAccountName": "spark-fetch-bob"}, TOKEN),
    ("a token in a volume of another name", {"destination": BUCKET},
     {f"{POD}/volumes/1": {"name": "destination", "projected": {"sources": [_token]}}}, VOLUMES),
    ("a token for somebody else", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/0/serviceAccountToken/audience": "vault"}, SCOPE),
    ("a token for a day", WRITE_BACK, {
        f"{POD}/volumes/2/projected/sources/0/serviceAccountToken/expirationSeconds": 86_400}, SCOPE),
    ("a Secret beside the token", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/-": {"secret": {"name": "admin"}}}, SCOPE),
    ("another ConfigMap beside the token", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/1/configMap/name": "admin"}, SCOPE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "changes", "says"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_any_other_job_of_the_account_is_refused(
    account: Account, shape: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    refused = account.refusal(account.namespace, edited(job(account.namespace, **shape), changes))
    assert "ValidatingAdmissionPolicy" in refused, refused
    assert says in refused
    print(refused.partition("denied request: ")[2])


def test_the_same_jobs_of_others_are_none_of_its_business(world: World, account: Account) -> None:
    world.jobs.create_namespaced_job(
        world.namespace, {"metadata": {"name": "shop"}, "spec": HARMLESS}
    )
    refused = account.refusal(world.namespace, {"metadata": {"name": "shop-2"}, "spec": HARMLESS})
    assert OWNER in refused


def test_the_account_can_delete_fetches_and_nobody_elses_jobs(
    world: World, account: Account
) -> None:
    for name, labels in (
        ("cleanup", {}),
        ("dressed", {"app.kubernetes.io/managed-by": "spark-integrations"}),
    ):
        world.jobs.create_namespaced_job(
            world.namespace, {"metadata": {"name": name, "labels": labels}, "spec": HARMLESS}
        )
        with pytest.raises(ApiException) as refused:
            account.jobs.delete_namespaced_job(name, world.namespace)
        assert "must carry the operator's label and be controlled by an Integration" in str(
            refused.value.body
        )
    uid = world.make("alice", suspend=True, fate={"outcome": "hang"})
    fetch = edited(
        job(world.namespace),
        {
            "metadata/ownerReferences/0/uid": uid,
            f"metadata/labels/{OURS}~integration-uid": uid,
            f"spec/template/metadata/labels/{OURS}~integration-uid": uid,
        },
    )
    made = account.jobs.create_namespaced_job(world.namespace, fetch)
    account.jobs.delete_namespaced_job(
        made.metadata.name, world.namespace, propagation_policy="Foreground"
    )


def test_only_the_images_that_the_administrator_lists_are_run_where_he_lists_any(
    apiserver: Any, world: World, tmp_path: Any
) -> None:
    listed = "registry.example.com/plugins/,own/plugin:2"
    other = World(apiserver)
    strict = Account(
        apiserver,
        tmp_path,
        namespace=other.namespace,
        options=(
            "--set",
            f"admissionPolicy.images={{{listed}}}",
            "--set",
            "image.runner.repository=runner",
            "--set-string",
            "image.runner.tag=1",
        ),
    )
    try:
        answers = {
            image: strict.refusal(
                other.namespace, job(other.namespace, plugin_spec={"image": image})
            )
            for image in (
                "runner:1",
                "own/plugin:2",
                "registry.example.com/plugins/a:1",
                "own/plugin:20",
                "own/plugin",
                "registry.example.com/plugins",
                "evil:1",
                "evil/registry.example.com/plugins/a:1",
            )
        }
    finally:
        strict.close()
        other.close()
    assert [image for image, refused in answers.items() if not refused] == [
        "runner:1",
        "own/plugin:2",
        "registry.example.com/plugins/a:1",
    ]
    assert "admissionPolicy.images" in answers["evil:1"]


def test_the_policy_fails_closed_for_this_account_alone_and_its_expressions_have_types(
    account: Account, apiserver: Any
) -> None:
    def ours() -> list[dict[str, Any]]:
        found = json.loads(apiserver.kubectl("get", "validatingadmissionpolicies", "-o", "json"))
        return [p for p in found["items"] if p["metadata"]["name"].startswith(account.name + "-")]

    def judged() -> bool:
        return all("typeChecking" in p.get("status", {}) for p in ours())

    until(judged, 20, "no controller looks at the policies")
    assert len(ours()) == 2
    for policy in ours():
        spec = policy["spec"]
        assert spec["failurePolicy"] == "Fail"
        (only,) = spec["matchConditions"]
        assert only["expression"] == f'request.userInfo.username == "{account.user}"'
        assert policy["status"]["typeChecking"] == {}, "the API server found a mistake of types"
