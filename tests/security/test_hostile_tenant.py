"""Mallory has ``edit`` in one namespace and wants more: each attempt is refused, or moves nothing of Alice's.

``pytest -s tests/security/test_hostile_tenant.py`` prints the table, with what was said each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from tests.security.installation import GROUP, NAME, Installation
from tests.security.tenants import POSTGRES, Street, forged
from tests.support.waiting import until

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(300)]

Attempt = Callable[[Street], str]
ATTEMPTS: dict[str, Attempt] = {}


def attempt(what: str) -> Callable[[Attempt], Attempt]:
    """What is tried. The function fails where it succeeds, and answers with what was said."""

    def register(function: Attempt) -> Attempt:
        assert what not in ATTEMPTS
        ATTEMPTS[what] = function
        return function

    return register


@pytest.fixture(scope="module")
def street(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    installation.wait_leading(installation.start())
    made = Street(installation, tmp_path_factory.mktemp("street"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str]]]:
    rows: list[tuple[str, str]] = []
    yield rows
    print("\n\n| attempt | what was said |\n|---|---|")
    for what, answer in rows:
        print(f"| {what} | {answer[:300]} |")


# --- choosing what is run, and as whom


def _unknown(field: str, value: Any) -> Attempt:
    def tried(street: Street) -> str:
        answer = street.mallory.refused_spec(**{field: value})
        assert f'unknown field "spec.{field}"' in answer
        return answer

    return tried


for _field, _value in {
    "image": "evil:1",
    "command": ["sh", "-c", "cat /var/run/spark/*/*"],
    "serviceAccountName": "admin",
    "volumes": [{"name": "tmp", "hostPath": {"path": "/"}}],
    "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
    "podTemplate": {"labels": {"a": "b"}},
    "namespace": "alice",
}.items():
    attempt(f"spec.{_field}")(_unknown(_field, _value))


@attempt("all of them, with a client that does not ask for strict validation")
def _(street: Street) -> str:
    spec = {
        "image": "evil:1",
        "command": ["sh"],
        "hostNetwork": True,
        "serviceAccountName": "admin",
    }
    made = street.mallory.create("sneaky", spec, validation="Ignore")
    assert not {*made["spec"]} & {*spec}
    pod = street.job_of("sneaky").spec.template.spec
    (box,) = pod.containers
    assert "evil" not in box.image
    assert (box.command, pod.host_network, pod.service_account_name) == (None, None, None)
    return f"dropped by the API server; its Job runs {box.image}"


@attempt("write-back, under an account of his own, for a Plugin that does not want it")
def _(street: Street) -> str:
    account = {"metadata": {"name": "spark-fetch-writer"}}
    street.mallory.core.create_namespaced_service_account("mallory", account)
    spec = {"credentialsWriteBack": True, "credentialsSecretName": "alice"}
    street.mallory.create("writer", spec)
    pod = street.job_of("writer").spec.template.spec
    assert pod.service_account_name is None
    assert not [v for v in pod.volumes if v.projected]
    return street.state_of("writer", "Fetched")


# --- reaching into another namespace


def _refused(said_of: str, **spec: Any) -> Attempt:
    def tried(street: Street) -> str:
        answer = street.mallory.refused_spec(**spec)
        assert said_of in answer
        return answer

    return tried


_destination = {
    "a Secret by namespace/name": {**POSTGRES, "secretName": "alice/warehouse"},
    "a Secret by a path": {**POSTGRES, "secretName": "../alice/warehouse"},
    "a claim by namespace/name": {"type": "duckdb", "claimName": "alice/lake"},
    "a namespace beside the claim": {"type": "duckdb", "claimName": "lake", "namespace": "alice"},
    "a dataset that is a path": {**POSTGRES, "dataset": "../alice"},
    "a dataset that is SQL": {**POSTGRES, "dataset": 'a"; drop schema alice; --'},
    "a dataset in letters that only look like a-z": {**POSTGRES, "dataset": "\u0430lice"},
    "a bucket that is a path": {**POSTGRES, "type": "filesystem", "bucketUrl": "file:///etc"},
    "a bucket with a way out": {**POSTGRES, "type": "filesystem", "bucketUrl": "s3://lake/a/../../b"},
    "a folder of the claim": {"type": "duckdb", "claimName": "lake", "subPath": "../alice"},
}  # fmt: skip
for _what, _value in _destination.items():
    attempt(_what)(_refused("spec.destination", destination=_value))
attempt("credentials by namespace/name")(
    _refused("spec.credentialsSecretName", credentialsSecretName="alice/github")
)


@attempt("Alice's Secret, by its name alone")
def _(street: Street) -> str:
    secret = {"metadata": {"name": "alices"}, "stringData": {"host": "db", "password": "x"}}
    street.alice.core.create_namespaced_secret("alice", secret)
    street.mallory.create("by-name", {"destination": {**POSTGRES, "secretName": "alices"}})
    job = street.job_of("by-name")
    assert job.metadata.namespace == "mallory"
    return "the Job is in his own namespace, where there is none of that name: nothing is mounted"


@attempt("Alice's claim, by its name alone")
def _(street: Street) -> str:
    claim = {
        "metadata": {"name": "lake"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    street.alice.core.create_namespaced_persistent_volume_claim("alice", claim)
    street.mallory.create("lake", {"destination": {"type": "duckdb", "claimName": "lake"}})
    answer = street.state_of("lake", "InvalidConfig")
    assert 'no PersistentVolumeClaim "lake" in namespace "mallory"' in answer
    return answer


@attempt("an Integration in Alice's namespace")
def _(street: Street) -> str:
    return street.mallory.refused(street.mallory.create, "spy", namespace="alice")


@attempt("reading Alice's Integrations")
def _(street: Street) -> str:
    objects = street.mallory.objects
    return street.mallory.refused(
        objects.list_namespaced_custom_object, GROUP, "v1", "alice", "integrations"
    )


@attempt("Alice's Secrets, Jobs and pods")
def _(street: Street) -> str:
    core, jobs = street.mallory.core, street.mallory.jobs
    street.mallory.refused(jobs.list_namespaced_job, "alice")
    street.mallory.refused(core.list_namespaced_pod, "alice")
    return street.mallory.refused(core.list_namespaced_secret, "alice")


@attempt("the same name as Alice's, for her Job")
def _(street: Street) -> str:
    street.mallory.create("running")
    job = street.job_of("running")
    assert job.metadata.name != street.job
    assert job.metadata.namespace == "mallory"
    return f"another Job in his own namespace: {job.metadata.name}"


@attempt("the labels of Alice's Integration on his own")
def _(street: Street) -> str:
    labels = {
        f"{GROUP}/integration-uid": street.running,
        f"{GROUP}/run": "1",
        "app.kubernetes.io/managed-by": "mallory",
    }
    made = street.mallory.create("dressed", metadata={"labels": labels})
    found = street.job_of("dressed").metadata.labels
    assert found[f"{GROUP}/integration-uid"] == made["metadata"]["uid"]
    assert found["app.kubernetes.io/managed-by"] == NAME
    return "its Job has the operator's labels, none of his"


@attempt("an owner in Alice's namespace for his Integration")
def _(street: Street) -> str:
    owner = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Integration",
        "name": "running",
        "uid": street.running,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    street.mallory.create("child", metadata={"ownerReferences": [owner]})
    # Kubernetes looks for that owner in his namespace, and takes his Integration for left behind.
    until(lambda: not _exists(street, "child"), 60, "the garbage collector does not come")
    return "there is no such owner in his namespace, so Kubernetes deleted his own"


def _exists(street: Street, name: str) -> bool:
    try:
        street.beside.get(name)
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    return True


# --- forging what happened


@attempt("a Job of Alice's name, owner and labels in his namespace, that failed")
def _(street: Street) -> str:
    jobs = street.mallory.jobs
    # Once it has an owner that is none, Kubernetes is about to delete it: so it fails before.
    jobs.create_namespaced_job("mallory", forged(street, ownerReferences=None))

    def failed() -> bool:
        status = street.beside.jobs.read_namespaced_job(street.job, "mallory").status
        return any(c.type == "Failed" for c in status.conditions or ())

    until(failed, 30, "it does not fail")
    owners = forged(street)["metadata"]["ownerReferences"]
    patch = {"metadata": {"ownerReferences": owners}}
    jobs.patch_namespaced_job(street.job, "mallory", patch)
    street.settle()
    return (
        "it ran, and failed; the operator counts it for nobody, as it is not in Alice's namespace"
    )


@attempt("a Job of a later run of Alice's, that goes on")
def _(street: Street) -> str:
    body = forged(street, name="later")
    body["metadata"]["labels"][f"{GROUP}/run"] = "99"
    body["spec"]["template"]["metadata"]["annotations"] = {"dev.spark/outcome": "hang"}
    street.mallory.jobs.create_namespaced_job("mallory", body)
    street.settle()
    return "the operator neither deletes nor counts it"


@attempt("a pod that says it is that of Alice's Job, with a message of his")
def _(street: Street) -> str:
    uid = street.alice.jobs.read_namespaced_job(street.job, "alice").metadata.uid
    pod = {
        "metadata": {
            "name": "forged",
            "labels": {"batch.kubernetes.io/controller-uid": uid},
            "annotations": {"dev.spark/message": '{"message": "all is well", "rows": 9}'},
        },
        "spec": {"restartPolicy": "Never", "containers": [{"name": "fetch", "image": "x"}]},
    }
    street.mallory.core.create_namespaced_pod("mallory", pod)
    street.settle()
    return "the operator looks for pods in the namespace of the Job only"


@attempt("the status of his own Integration")
def _(street: Street) -> str:
    street.mallory.create("honest", {"suspend": True})
    patch = {"status": {"consecutiveFailures": 0, "lastSuccessfulUpdateAt": "2030-01-01T00:00:00Z"}}
    objects = street.mallory.objects
    return street.mallory.refused(
        objects.patch_namespaced_custom_object_status,
        *(GROUP, "v1", "mallory", "integrations", "honest", patch),
    )


@attempt("a status with the Integration that he makes")
def _(street: Street) -> str:
    run = {
        "number": 9,
        "attempt": 1,
        "trigger": "Scheduled",
        "startedAt": "2026-01-01T00:00:00Z",
        "outcome": "Running",
        "jobName": street.job,
    }
    made = street.mallory.create("prefilled", status={"run": run}, validation="Ignore")
    assert "status" not in made
    assert street.beside.wait_outcome("prefilled", 1)["number"] == 1
    return "dropped by the API server: its first run is number 1"


@attempt("the status of a Job or a pod of his own")
def _(street: Street) -> str:
    street.mallory.create("plain")
    job = street.job_of("plain").metadata.name
    patch = {"status": {"succeeded": 1}}
    mallory = street.mallory
    mallory.refused(mallory.core.patch_namespaced_pod_status, "forged", "mallory", patch)
    return mallory.refused(mallory.jobs.patch_namespaced_job_status, job, "mallory", patch)


@attempt("a Job of his own making for his own Integration, beside the operator's")
def _(street: Street) -> str:
    made = street.mallory.create("own", {"config": {"dev.spark/outcome": "hang"}})
    ours = street.job_of("own").metadata.name
    body = forged(street, name="own-forged", finalizers=None)
    uid = made["metadata"]["uid"]
    body["metadata"]["ownerReferences"][0] |= {"name": "own", "uid": uid}
    body["spec"]["template"]["metadata"]["annotations"] = {"dev.spark/outcome": "hang"}
    street.mallory.jobs.create_namespaced_job("mallory", body)
    until(lambda: "own-forged" not in street.beside.job_names(), 20, "the stray stays")
    assert ours in street.beside.job_names()
    until(lambda: street.beside.events("own") != [], 10, "no Event")
    told = {(reason, message) for _, reason, message in street.beside.events("own")}
    ((reason, message),) = told
    street.beside.delete("integration", "own")
    return f"{reason}: {message}"


@attempt("thousands of Events about Alice's Integration")
def _(street: Street) -> str:
    body = {
        "metadata": {"name": "noise"},
        "involvedObject": {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Integration",
            "namespace": "alice",
            "name": "running",
            "uid": street.running,
        },
        "reason": "Failed",
        "message": "your data is gone",
    }
    answer = street.mallory.refused(street.mallory.core.create_namespaced_event, "mallory", body)
    street.mallory.refused(street.mallory.core.create_namespaced_event, "alice", body)
    about = {**body["involvedObject"], "namespace": "mallory", "name": "plain", "uid": "x"}  # type: ignore[dict-item]
    for number in range(2000):
        noise = {**body, "metadata": {"name": f"noise-{number}"}, "involvedObject": about}
        street.mallory.core.create_namespaced_event("mallory", noise)
    street.settle()
    return answer


# --- what belongs to the administrator


@attempt("a Plugin of his own")
def _(street: Street) -> str:
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Plugin",
        "metadata": {"name": "evil"},
        "spec": {"image": "evil:1"},
    }
    objects = street.mallory.objects
    return street.mallory.refused(
        objects.create_cluster_custom_object, GROUP, "v1", "plugins", body
    )


@attempt("the image of a Plugin")
def _(street: Street) -> str:
    patch = {"spec": {"image": "evil:1"}}
    objects = street.mallory.objects
    return street.mallory.refused(
        objects.patch_cluster_custom_object, GROUP, "v1", "plugins", "mallory", patch
    )


@attempt("a Scheduler of his own, and the installation's")
def _(street: Street) -> str:
    mallory, patch = street.mallory, {"spec": {"suspend": True}}
    objects = mallory.objects
    mallory.refused(
        objects.patch_namespaced_custom_object, GROUP, "v1", NAME, "schedulers", NAME, patch
    )
    return mallory.refused(
        objects.patch_namespaced_custom_object, GROUP, "v1", "mallory", "schedulers", "spark", patch
    )


@attempt("the lead of the operator")
def _(street: Street) -> str:
    leases = client.CoordinationV1Api(street.mallory.core.api_client)
    patch = {"spec": {"holderIdentity": "mallory"}}
    return street.mallory.refused(leases.patch_namespaced_lease, NAME, NAME, patch)


@attempt("a token of the operator's account")
def _(street: Street) -> str:
    asked = {"spec": {"audiences": [], "expirationSeconds": 3600}}
    core = street.mallory.core
    return street.mallory.refused(core.create_namespaced_service_account_token, NAME, NAME, asked)


@attempt("to be the operator, by impersonation")
def _(street: Street) -> str:
    api = street.mallory.core.api_client
    api.set_default_header("Impersonate-User", street.installation.user)
    try:
        return street.mallory.refused(street.mallory.jobs.list_job_for_all_namespaces)
    finally:
        del api.default_headers["Impersonate-User"]


@attempt("the policy that holds the operator")
def _(street: Street) -> str:
    admission = client.AdmissionregistrationV1Api(street.mallory.core.api_client)
    name = f"{NAME}-jobs"
    return street.mallory.refused(admission.delete_validating_admission_policy_binding, name)


# --- filling it up


@attempt("a config of a megabyte")
def _(street: Street) -> str:
    street.mallory.create("heavy", {"config": {"text": "x" * (1 << 20)}})
    answer = street.state_of("heavy", "InvalidConfig")
    assert "at most 16384 are allowed" in answer
    assert street.beside.run("heavy") == {}
    return answer


@attempt("a config of four megabytes")
def _(street: Street) -> str:
    return street.mallory.refused_spec(config={"text": "x" * (4 << 20)})


@attempt("a config that nests twenty thousand deep")
def _(street: Street) -> str:
    return street.mallory.refused(_post, street, "bottomless", _nested(20_000))


@attempt("a config that nests nine thousand deep")
def _(street: Street) -> str:
    return _deep(street, "deep", 9_000)


@attempt("a config that nests two thousand deep, in less than 16 KiB")
def _(street: Street) -> str:
    return _deep(street, "deepish", 2_000)


def _nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def _deep(street: Street, name: str, depth: int) -> str:
    _post(street, name, _nested(depth))
    street.settle()
    # No client of Python reads it either.
    ready = '{.status.conditions[?(@.type=="Ready")]'
    path = f"jsonpath={ready}.reason}}: {ready}.message}}"
    answer = street.installation.cluster.kubectl(
        "get", "integration", name, "--namespace", "mallory", "-o", path
    )
    assert answer.startswith("InvalidConfig: spec.config is nested too deeply")
    return answer


def _post(street: Street, name: str, config: str) -> None:
    """As text: no client of Python writes what nests as deep."""
    spec = f'{{"service": "mallory", "destination": {json.dumps(POSTGRES)}, "config": {config}}}'
    body = (
        f'{{"apiVersion": "{GROUP}/v1", "kind": "Integration",'
        f' "metadata": {{"name": "{name}"}}, "spec": {spec}}}'
    )
    api = street.mallory.core.api_client
    answer = api.rest_client.pool_manager.request(
        "POST",
        f"{api.configuration.host}/apis/{GROUP}/v1/namespaces/mallory/integrations",
        body=body,
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {street.mallory.token}",
        },
    )
    if answer.status >= 400:
        refused = ApiException(status=answer.status, reason=answer.reason)
        refused.body = answer.data.decode()
        raise refused


@attempt("a config of 257 settings")
def _(street: Street) -> str:
    return street.mallory.refused_spec(config={f"k{n}": n for n in range(257)})


@attempt("annotations of 300 KiB")
def _(street: Street) -> str:
    metadata = {"annotations": {"a": "x" * (300 << 10)}}
    return street.mallory.refused(street.mallory.create, "wide", metadata=metadata)


@attempt("a request of 200 KiB")
def _(street: Street) -> str:
    street.mallory.create(
        "asked", metadata={"annotations": {f"{GROUP}/requestedAt": "x" * 200_000}}
    )
    street.beside.wait_outcome("asked", 1)
    answer = street.state_of("asked", "Fetched")
    assert "requestedAt is ignored" in answer
    assert len(answer) < 1024
    return answer


@attempt("a request with control characters")
def _(street: Street) -> str:
    street.mallory.annotate("asked", requestedAt="a\n\x1b[31m\u202e")
    street.settle()
    answer = street.state_of("asked", "Fetched")
    assert answer.isprintable()
    assert street.beside.run("asked")["number"] == 1
    return answer


@attempt("five hundred requests in a row")
def _(street: Street) -> str:
    street.mallory.create("eager", {"config": {"dev.spark/delay": "1s"}})
    most = 0
    for number in range(500):
        street.mallory.annotate("eager", requestedAt=f"t{number}")
        if number % 50 == 0:
            jobs = street.beside.jobs.list_namespaced_job(
                "mallory", label_selector=f"{GROUP}/integration-uid={_uid(street, 'eager')}"
            ).items
            most = max(most, sum(not j.status.conditions for j in jobs))
    assert most <= 1
    until(
        lambda: street.beside.status("eager").get("lastHandledRequest") == "t499",
        60,
        "the last is not answered",
    )
    runs = street.beside.run("eager")["number"]
    assert runs < 60
    street.beside.delete("integration", "eager")
    return f"{runs} fetches, one after the other: those that come during one count once"


def _uid(street: Street, name: str) -> str:
    return str(street.beside.get(name)["metadata"]["uid"])


for _what, _frequency in {"0": 0, "-5": -5, "10^12": 10**12, "1.5": 1.5, "text": "1"}.items():
    attempt(f"an updateFrequencyMinutes of {_what}")(
        _refused("spec.updateFrequencyMinutes", updateFrequencyMinutes=_frequency)
    )
for _seconds in (0, 29, 3601, 2**31):
    attempt(f"a timeoutSeconds of {_seconds}")(
        _refused("spec.timeoutSeconds", timeoutSeconds=_seconds)
    )
for _what, _delays in {"none at all": [0], "eleven": [1] * 11, "a year": [31_536_000]}.items():
    attempt(f"retryDelaysSeconds of {_what}")(
        _refused("spec.retryDelaysSeconds", retryDelaysSeconds=_delays)
    )


# --- names and text


@attempt("a name in letters that only look like a-z")
def _(street: Street) -> str:
    return street.mallory.refused(street.mallory.create, "\u0430lice")


@attempt("names that are ways")
def _(street: Street) -> str:
    for name in ("..", "a/b", "a..b", ".a", "a\x00b"):
        answer = street.mallory.refused(street.mallory.create, name)
    return answer


@attempt("a service that is a way, or another letter")
def _(street: Street) -> str:
    for service in ("../alice", "Alice", "al\u0456ce", "a.b", "a" * 64):
        answer = street.mallory.refused_spec(service=service)
    return answer


@attempt("a service that does not exist, of 63 characters")
def _(street: Street) -> str:
    street.mallory.create("lost", {"service": "a" * 63})
    return street.state_of("lost", "UnknownService")


@attempt("another service for what is there")
def _(street: Street) -> str:
    patch = {"spec": {"service": "alice"}}
    objects = street.mallory.objects
    return street.mallory.refused(
        objects.patch_namespaced_custom_object,
        *(GROUP, "v1", "mallory", "integrations", "plain", patch),
    )


@attempt("two names of 253 characters that begin alike, for one Job")
def _(street: Street) -> str:
    names = ["a" * 252 + last for last in "xy"]
    for name in names:
        street.mallory.create(name)
    first, second = (street.job_of(name).metadata.name for name in names)
    assert first != second
    assert max(len(first), len(second)) <= 63
    return f"{first} and {second}"


@attempt("variables in the config: $(HOME), $$, ${IFS}")
def _(street: Street) -> str:
    text = "$(JOB_CREATED_AT) $$(HOME) ${IFS} `id`"
    street.mallory.create("dollars", {"config": {"dev.spark/delay": "100ms", "text": text}})
    value = street.job_of("dollars").spec.template.spec.containers[0].env[0].value
    assert "$" not in value
    assert json.loads(value)["config"]["text"] == text
    return "the Job holds no dollar sign; the fetch reads what he wrote"


@attempt("control characters, directions and NUL in the config")
def _(street: Street) -> str:
    text = "\x00\x1b[31m\u202eevil\u2066\n\ud7ff"
    street.mallory.create("loud", {"config": {"dev.spark/delay": "100ms", "text": text}})
    value = street.job_of("loud").spec.template.spec.containers[0].env[0].value
    assert value.isascii()
    assert value.isprintable()
    return "in the Job they are written as \\u…: it is one printable line of ASCII"


@attempt("a finalizer that is never taken away")
def _(street: Street) -> str:
    street.mallory.create("undying", metadata={"finalizers": ["example.com/stay"]})
    street.beside.wait_outcome("undying", 1)
    street.beside.delete("integration", "undying")
    street.mallory.annotate("undying", requestedAt="again")
    street.settle()
    assert street.beside.run("undying")["number"] == 1
    return "it stays for him to look at, and is fetched no more"


@pytest.mark.parametrize("what", ATTEMPTS)
def test_an_attempt_is_refused_or_moves_nothing_of_anothers(
    street: Street, table: list[tuple[str, str]], what: str
) -> None:
    answer = ATTEMPTS[what](street)
    assert answer
    table.append((what, " ".join(answer.split())))
    assert street.state() == street.before


def test_there_are_attempts_enough() -> None:
    assert len(ATTEMPTS) >= 25


def test_a_premade_job_of_the_next_runs_name_stops_his_own_fetch_and_says_so(
    street: Street,
) -> None:
    """What he can do to himself: he has every right over the Jobs of his namespace."""
    street.mallory.create("self")
    street.beside.wait_outcome("self", 1)
    following = street.job_of("self").metadata.name[:-1] + "2"
    body = forged(street, name=following, ownerReferences=None, finalizers=None)
    street.mallory.jobs.create_namespaced_job("mallory", body)
    street.mallory.annotate("self", requestedAt="now")
    run = street.beside.wait_outcome("self", 2)
    assert (run["outcome"], run["errorClass"]) == ("Failed", "rejected")
    assert f'a Job "{following}" of another owner exists' in run["message"]
    assert street.state() == street.before


def test_the_operator_lived_through_all_of_it(street: Street, table: list[tuple[str, str]]) -> None:
    if not table:
        # Alone, this asks what is most likely to end a process.
        for what in ATTEMPTS:
            if "nests" in what or "in a row" in what:
                assert ATTEMPTS[what](street)
    street.settle()
    assert street.installation.leads(0)
    log = street.installation.log(0).read_text()
    assert '"level": "critical"' not in log
    assert "Traceback" not in log
