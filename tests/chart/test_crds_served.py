"""What a real API server makes of the CRDs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from kubernetes.client import ApiException
from tests.chart.support import GROUP, PLURALS, Server
from tests.support.egress_hosts import OF_ALL_NAMESPACES

pytestmark = pytest.mark.apiserver

LABEL = "a" * 63
SUBDOMAIN = ".".join(["a" * 62] * 4)
OK = {"service": "rest"}
POSTGRES = {"type": "postgres", "secretName": "warehouse"}
BUCKET = {"type": "filesystem", "bucketUrl": "s3://lake/raw", "secretName": "s3"}
TIME = "2026-01-02T03:04:05Z"
RUN = {"number": 1, "attempt": 1, "trigger": "Scheduled", "startedAt": TIME, "outcome": "Running"}
CONDITION = {
    "type": "Ready",
    "status": "True",
    "lastTransitionTime": TIME,
    "reason": "Fetched",
    "message": "All is well.",
}


def refusal(error: ApiException) -> str:
    message: str = json.loads(error.body)["message"]
    return message


# ------------------------------------------------------------------ what is accepted

ACCEPTED: list[tuple[str, Any]] = [
    ("Integration", OK),
    ("Integration", {"service": LABEL}),
    ("Integration", {**OK, "updateFrequencyMinutes": 1}),
    ("Integration", {**OK, "updateFrequencyMinutes": 525_600}),
    ("Integration", {**OK, "timeoutSeconds": 30}),
    ("Integration", {**OK, "timeoutSeconds": 3600}),
    ("Integration", {**OK, "retryDelaysSeconds": []}),
    ("Integration", {**OK, "retryDelaysSeconds": [1] * 9 + [86_400]}),
    ("Integration", {**OK, "credentialsSecretName": SUBDOMAIN}),
    ("Integration", {**OK, "suspend": True}),
    ("Integration", {**OK, "config": {"a": {"b": [{"c": None}, 1.5, True]}}}),
    ("Integration", {**OK, "destination": {"type": "duckdb"}}),
    ("Integration", {**OK, "destination": {"type": "duckdb", "claimName": "d", "dataset": "_"}}),
    ("Integration", {**OK, "destination": {**POSTGRES, "dataset": "a" * 48}}),
    ("Integration", {**OK, "destination": {"type": "filesystem"}}),
    ("Integration", {**OK, "destination": {"type": "filesystem", "claimName": "files"}}),
    ("Integration", {**OK, "destination": BUCKET}),
    ("Integration", {**OK, "destination": {**BUCKET, "bucketUrl": "s3://lake.eu/a=b/c.d/"}}),
    ("Plugin", {}),
    ("Plugin", {"image": "host:5000/a/b:c@sha256:" + "0" * 64}),
    (
        "Plugin",
        {
            "egressHosts": [
                "shop.team-a.svc",
                "*.team-a.svc",
                "*.team-a.svc.cluster.local",
                "*.corp.local",
                "a_b.x--1.example",
                "10.1.2.3",
                "10.1.2.3/8",
                "0.0.0.0/0",
                "fd12::1",
                "fd12::/64",
                f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}",
            ]
        },
    ),
    ("Plugin", {"egressHosts": [f"host-{n}.example" for n in range(64)]}),
    ("Plugin", {"credentials": [{"name": "a-b._C9"}, {"name": "x", "required": False}]}),
    ("Plugin", {"configSchema": {"$defs": {"A": {"type": "object"}}, "$ref": "#/$defs/A"}}),
    ("Plugin", {"minUpdateFrequencyMinutes": 15}),
    ("Plugin", {"minUpdateFrequencyMinutes": 525_600, "defaultUpdateFrequencyMinutes": 525_600}),
    ("Plugin", {"maxConcurrentFetches": 1}),
    ("Plugin", {"maxConcurrentFetches": 1000}),
    ("Scheduler", None),
    ("Scheduler", {}),
    ("Scheduler", {"maxConcurrentFetches": 1}),
    ("Scheduler", {"maxConcurrentFetches": 10_000}),
    ("Scheduler", {"history": {"succeeded": 0, "failed": 100}}),
    ("Scheduler", {"destination": POSTGRES}),
    ("Scheduler", {"destination": BUCKET}),
    ("Scheduler", {"destination": {"type": "duckdb", "claimName": "files"}}),
    ("Scheduler", {"podTemplate": {"resources": {"limits": {"cpu": 1, "memory": "512Mi"}}}}),
    ("Scheduler", {"podTemplate": {"nodeSelector": {"kubernetes.io/arch": "amd64", "a": ""}}}),
    ("Scheduler", {"podTemplate": {"labels": {"team": "data", "a.b/c-d": "e"}}}),
    (
        "Scheduler",
        {"podTemplate": {"tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b"}]}},
    ),
    ("Scheduler", {"podTemplate": {"imagePullSecrets": [{"name": "a"}, {"name": "b"}]}}),
]


@pytest.mark.parametrize(("kind", "spec"), ACCEPTED)
def test_a_good_spec_is_accepted(server: Server, kind: str, spec: Any) -> None:
    server.create(kind, spec)


# ------------------------------------------------------------------ what is refused, and how

REFUSED: list[tuple[str, Any, str]] = [
    ("Integration", None, "spec: Required value"),
    ("Integration", {}, "spec.service: Required value"),
    ("Integration", {"service": ""}, "spec.service: Invalid value"),
    ("Integration", {"service": LABEL + "a"}, "spec.service: Too long"),
    ("Integration", {"service": "Rest"}, "spec.service: Invalid value"),
    ("Integration", {"service": "a.b"}, "spec.service: Invalid value"),
    ("Integration", {"service": "-a"}, "spec.service: Invalid value"),
    ("Integration", {**OK, "updateFrequencyMinutes": 0}, "greater than or equal to 1"),
    ("Integration", {**OK, "updateFrequencyMinutes": 525_601}, "less than or equal to 525600"),
    ("Integration", {**OK, "updateFrequencyMinutes": "15m"}, "must be of type integer"),
    ("Integration", {**OK, "suspend": "yes"}, "must be of type boolean"),
    ("Integration", {**OK, "timeoutSeconds": 29}, "greater than or equal to 30"),
    ("Integration", {**OK, "timeoutSeconds": 3601}, "less than or equal to 3600"),
    ("Integration", {**OK, "retryDelaysSeconds": [1] * 11}, "at most 10 items"),
    ("Integration", {**OK, "retryDelaysSeconds": [0]}, "greater than or equal to 1"),
    ("Integration", {**OK, "retryDelaysSeconds": [86_401]}, "less than or equal to 86400"),
    ("Integration", {**OK, "credentialsSecretName": "a_b"}, "spec.credentialsSecretName: Invalid"),
    ("Integration", {**OK, "credentialsSecretName": "a/b"}, "spec.credentialsSecretName: Invalid"),
    ("Integration", {**OK, "credentialsSecretName": SUBDOMAIN + ".aa"}, "Too long"),
    ("Integration", {**OK, "config": []}, "must be of type object"),
    ("Integration", {**OK, "config": {str(n): n for n in range(257)}}, "at most 256 items"),
    ("Integration", {**OK, "destination": {}}, "spec.destination.type: Required value"),
    (
        "Integration",
        {**OK, "destination": {"type": "bigquery"}},
        'Unsupported value: "bigquery": supported values: "duckdb", "postgres"',
    ),
    (
        "Integration",
        {**OK, "destination": {"type": "postgres"}},
        "spec.destination.secretName: Required value: a postgres destination needs secretName",
    ),
    (
        "Integration",
        {**OK, "destination": {**POSTGRES, "claimName": "a"}},
        "spec.destination.claimName: Forbidden: a postgres destination takes no claimName",
    ),
    (
        "Integration",
        {**OK, "destination": {"type": "duckdb", "secretName": "a"}},
        "spec.destination.secretName: Forbidden: a duckdb destination takes no secretName",
    ),
    (
        "Integration",
        {**OK, "destination": {**POSTGRES, "bucketUrl": "s3://lake"}},
        "spec.destination.bucketUrl: Forbidden: only a filesystem destination takes a bucketUrl",
    ),
    (
        "Integration",
        {**OK, "destination": {"type": "filesystem", "bucketUrl": "s3://lake"}},
        "spec.destination.secretName: Required value: a bucketUrl needs secretName",
    ),
    (
        "Integration",
        {**OK, "destination": {"type": "filesystem", "secretName": "s3"}},
        "spec.destination.secretName: Forbidden: a filesystem destination takes a secretName only",
    ),
    (
        "Integration",
        {**OK, "destination": {**BUCKET, "claimName": "files"}},
        "spec.destination.claimName: Forbidden: a filesystem destination takes a bucketUrl or a",
    ),
    *(
        ("Integration", {**OK, "destination": {**BUCKET, "bucketUrl": url}}, "bucketUrl: Invalid")
        for url in ("file:///etc", "s3://lake/../x", "s3://lake/a//b", "gs://lake", "s3://l?x=y-z")
    ),
    ("Integration", {**OK, "destination": {**POSTGRES, "secretName": "A"}}, "secretName: Invalid"),
    ("Integration", {**OK, "destination": {"type": "duckdb", "claimName": ".."}}, "claimName: Inv"),
    ("Integration", {**OK, "destination": {**POSTGRES, "dataset": "a" * 49}}, "dataset: Too long"),
    ("Integration", {**OK, "destination": {**POSTGRES, "dataset": "1a"}}, "dataset: Invalid"),
    ("Integration", {**OK, "destination": {**POSTGRES, "dataset": 'a"; --'}}, "dataset: Invalid"),
    ("Plugin", None, "spec: Required value"),
    ("Plugin", {"title": "a" * 129}, "spec.title: Too long"),
    ("Plugin", {"description": "a" * 4097}, "spec.description: Too long"),
    ("Plugin", {"image": ""}, "spec.image: Invalid value"),
    ("Plugin", {"image": "a b"}, "spec.image: Invalid value"),
    ("Plugin", {"configSchema": True}, "must be of type object"),
    ("Plugin", {"egressHosts": "a.example"}, "must be of type array"),
    ("Plugin", {"egressHosts": [""]}, "spec.egressHosts[0]: Invalid value"),
    ("Plugin", {"egressHosts": ["a.example", "a.example"]}, "Duplicate value"),
    ("Plugin", {"egressHosts": [f"{n}.example" for n in range(65)]}, "at most 64 items"),
    ("Plugin", {"egressHosts": [f"{'a.' * 125}example"]}, "Too long"),
    *(
        ("Plugin", {"egressHosts": [entry]}, "name a namespace, as in `*.NAMESPACE.svc`")
        for entry in OF_ALL_NAMESPACES
    ),
    *(
        ("Plugin", {"egressHosts": [entry]}, "spec.egressHosts[0]: Invalid value")
        for entry in (
            *(
                "shop",
                "*",
                "*.",
                "a..example",
                "*.*.example",
                "a.*.example",
                ".example",
                "a.example.",
            ),
            *("Shop.example", "a b.example", "a.example:80", "http://a.example", "a.example/8"),
            *(
                "10.1.2.300",
                "1.2.3",
                "10.0.0.0/33",
                "fd12::/129",
                "::ffff:10.0.0.0/104",
                "fe80::1%1",
            ),
        )
    ),
    ("Plugin", {"credentials": [{}]}, "spec.credentials[0].name: Required value"),
    ("Plugin", {"credentials": [{"name": "a/b"}]}, "spec.credentials[0].name: Invalid value"),
    ("Plugin", {"credentials": [{"name": ".."}]}, "it becomes the name of a file"),
    ("Plugin", {"credentials": [{"name": "..data"}]}, "it becomes the name of a file"),
    ("Plugin", {"credentials": [{"name": "."}]}, "it becomes the name of a file"),
    ("Plugin", {"credentials": [{"name": ".netrc"}]}, "it becomes the name of a file"),
    ("Plugin", {"credentials": [{"name": "-rf"}]}, "it becomes the name of a file"),
    ("Plugin", {"credentials": [{"name": "a"}, {"name": "a"}]}, "Duplicate value"),
    ("Plugin", {"credentials": [{"name": f"k{n}"} for n in range(65)]}, "at most 64 items"),
    ("Plugin", {"minUpdateFrequencyMinutes": 0}, "greater than or equal to 1"),
    ("Plugin", {"defaultUpdateFrequencyMinutes": 525_601}, "less than or equal to 525600"),
    ("Plugin", {"minUpdateFrequencyMinutes": 16}, "must not be below minUpdateFrequencyMinutes"),
    (
        "Plugin",
        {"minUpdateFrequencyMinutes": 3, "defaultUpdateFrequencyMinutes": 2},
        "must not be below minUpdateFrequencyMinutes",
    ),
    ("Plugin", {"maxConcurrentFetches": 0}, "greater than or equal to 1"),
    ("Plugin", {"maxConcurrentFetches": 1001}, "less than or equal to 1000"),
    ("Scheduler", {"maxConcurrentFetches": 0}, "greater than or equal to 1"),
    ("Scheduler", {"maxConcurrentFetches": 10_001}, "less than or equal to 10000"),
    ("Scheduler", {"history": {"succeeded": -1}}, "greater than or equal to 0"),
    ("Scheduler", {"history": {"failed": 101}}, "less than or equal to 100"),
    ("Scheduler", {"destination": {**POSTGRES, "dataset": "a"}}, "unknown field"),
    ("Scheduler", {"destination": {"type": "postgres"}}, "a postgres destination needs secretName"),
    ("Scheduler", {"destination": {**POSTGRES, "claimName": "a"}}, "takes no claimName"),
    ("Scheduler", {"destination": {"type": "duckdb", "secretName": "a"}}, "takes no secretName"),
    ("Scheduler", {"podTemplate": {"resources": {"limits": {"cpu": "much"}}}}, "limits.cpu: Inv"),
    ("Scheduler", {"podTemplate": {"resources": {"requests": {"cpu": []}}}}, "requests.cpu: Inv"),
    ("Scheduler", {"podTemplate": {"labels": {"a b": "c"}}}, "a key of labels is no valid label"),
    ("Scheduler", {"podTemplate": {"labels": {"a": "b c"}}}, "labels.a: Invalid value"),
    ("Scheduler", {"podTemplate": {"nodeSelector": {"/a": "b"}}}, "a key of nodeSelector is no"),
    ("Scheduler", {"podTemplate": {"nodeSelector": {"a": "-"}}}, "nodeSelector.a: Invalid value"),
    ("Scheduler", {"podTemplate": {"tolerations": [{"operator": "Like"}]}}, "Unsupported value"),
    ("Scheduler", {"podTemplate": {"tolerations": [{"effect": "None"}]}}, "Unsupported value"),
    ("Scheduler", {"podTemplate": {"priorityClassName": "A"}}, "priorityClassName: Invalid"),
    ("Scheduler", {"podTemplate": {"imagePullSecrets": [{}]}}, "name: Required value"),
    ("Scheduler", {"podTemplate": {"hostNetwork": True}}, "unknown field"),
]


@pytest.mark.parametrize(("kind", "spec", "why"), REFUSED)
def test_a_bad_spec_is_refused_with_the_reason(
    server: Server, kind: str, spec: Any, why: str
) -> None:
    with pytest.raises(ApiException) as error:
        server.create(kind, spec)
    assert error.value.status in (400, 422)
    assert why in refusal(error.value)


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_a_plugin_whose_name_no_integration_could_say_is_refused(server: Server, name: str) -> None:
    with pytest.raises(ApiException) as error:
        server.create("Plugin", {}, name=name)
    assert "at most 63 characters and no dot" in refusal(error.value)


# ------------------------------------------------------------------ defaults, pruning, changes

DEFAULTS: list[tuple[str, Any, Any]] = [
    (
        "Integration",
        OK,
        {
            **OK,
            "suspend": False,
            "timeoutSeconds": 300,
            "retryDelaysSeconds": [60, 300, 600],
            "credentialsWriteBack": False,
        },
    ),
    (
        "Plugin",
        {"credentials": [{"name": "a"}]},
        {
            "credentials": [{"name": "a", "required": True}],
            "defaultUpdateFrequencyMinutes": 15,
            "minUpdateFrequencyMinutes": 1,
            "maxConcurrentFetches": 10,
            "writesCredentials": False,
        },
    ),
    (
        "Scheduler",
        None,
        {
            "suspend": False,
            "maxConcurrentFetches": 50,
            "destination": {"type": "duckdb"},
            "history": {"succeeded": 1, "failed": 3},
        },
    ),
]


@pytest.mark.parametrize(("kind", "given", "made"), DEFAULTS)
def test_what_is_not_said_has_a_default(server: Server, kind: str, given: Any, made: Any) -> None:
    answer = server.create(kind, given)
    assert answer["spec"] == made
    assert "status" not in answer


@pytest.mark.parametrize(("kind", "given", "made"), DEFAULTS)
def test_unknown_fields_are_dropped(server: Server, kind: str, given: Any, made: Any) -> None:
    spec = {**(given or {}), "requestedMode": "fetch"}
    assert server.create(kind, spec, validation="Ignore", more=1)["spec"] == made


def test_config_is_kept_as_it_is(server: Server) -> None:
    config = {"a": {"b": [{"c": None}, 1.5, True]}, "$ref": "x"}
    assert server.create("Integration", {**OK, "config": config})["spec"]["config"] == config


def test_the_service_of_an_integration_cannot_be_changed(server: Server) -> None:
    server.create("Integration", OK, name="fixed", namespace=server.namespace, dry_run=False)
    patch = {"spec": {"service": "rss"}}
    with pytest.raises(ApiException) as error:
        server.objects.patch_namespaced_custom_object(
            GROUP, "v1", server.namespace, "integrations", "fixed", patch
        )
    assert "service cannot be changed" in refusal(error.value)
    patch = {"spec": {"timeoutSeconds": 60}}
    changed = server.objects.patch_namespaced_custom_object(
        GROUP, "v1", server.namespace, "integrations", "fixed", patch
    )
    assert changed["metadata"]["generation"] == 2


# ------------------------------------------------------------------ status

FULL_STATUS: dict[str, dict[str, Any]] = {
    "Integration": {
        "observedGeneration": 3,
        "lastTriggeredAt": TIME,
        "lastSuccessfulUpdateAt": TIME,
        "lastFailedAt": TIME,
        "nextUpdateAt": TIME,
        "lastHandledRequest": "x" * 128,
        "lastHandledReset": "x" * 128,
        "consecutiveFailures": 2,
        "run": {
            **RUN,
            "mode": "fetch",
            "generation": 3,
            "jobName": "x-1f3a9c-1",
            "finishedAt": TIME,
            "outcome": "Failed",
            "errorClass": "rateLimited",
            "reason": "Failed",
            "message": "m" * 1024,
            "rows": 10**15,
            "retryAfterSeconds": 86_400,
            "since": TIME,
            "request": "x" * 128,
            "failureCleared": True,
        },
        "lastFetch": {**RUN, "mode": "backfill", "outcome": "Succeeded", "finishedAt": TIME},
        "conditions": [{**CONDITION, "observedGeneration": 3}],
    },
    "Scheduler": {
        "lastCheckAt": TIME,
        "leader": "operator-0",
        "lastCheckSeconds": 0.25,
        "counts": {"total": 5, "due": 1, "fetching": 2, "failing": 1, "suspended": 1},
        "byService": {
            "rest": {"total": 5, "due": 1, "fetching": 2, "failing": 1, "suspended": 1},
        },
    },
}


def write_status(server: Server, kind: str, name: str, status: Any) -> Any:
    return server.objects.patch_namespaced_custom_object_status(
        GROUP, "v1", server.namespace, PLURALS[kind], name, {"status": status}
    )


@pytest.mark.parametrize("kind", ["Integration", "Scheduler"])
def test_every_field_of_the_status_is_kept_and_others_are_dropped(
    server: Server, kind: str
) -> None:
    spec = OK if kind == "Integration" else {}
    server.create(kind, spec, name="status", namespace=server.namespace, dry_run=False)
    answer = write_status(server, kind, "status", {**FULL_STATUS[kind], "phase": "Happy"})
    assert answer["status"] == FULL_STATUS[kind]
    assert answer["metadata"]["generation"] == 1


def test_the_status_is_written_through_its_own_door_only(server: Server) -> None:
    made = server.create(
        "Integration",
        OK,
        name="door",
        namespace=server.namespace,
        dry_run=False,
        status={"run": RUN},
    )
    assert "status" not in made
    patch = {"spec": {"suspend": True}, "status": {"run": RUN}}
    answer = server.objects.patch_namespaced_custom_object_status(
        GROUP, "v1", server.namespace, "integrations", "door", patch
    )
    assert answer["status"]["run"] == RUN
    assert answer["spec"]["suspend"] is False


def test_a_plugin_has_no_status(server: Server) -> None:
    made = server.create("Plugin", {}, validation="Ignore", status={"a": 1})
    assert "status" not in made


BAD_STATUS: list[tuple[dict[str, Any], str]] = [
    ({"lastTriggeredAt": "yesterday"}, "status.lastTriggeredAt: Invalid value"),
    ({"consecutiveFailures": -1}, "greater than or equal to 0"),
    ({"lastHandledRequest": "x" * 129}, "status.lastHandledRequest: Too long"),
    ({"run": {**RUN, "number": 0}}, "greater than or equal to 1"),
    ({"run": {**RUN, "attempt": 0}}, "greater than or equal to 1"),
    ({"run": {**RUN, "trigger": "Cron"}}, 'supported values: "Scheduled", "Retry", "Requested"'),
    ({"run": {**RUN, "mode": "delete"}}, '"fetch", "check", "reset", "backfill"'),
    ({"run": {**RUN, "since": "yesterday"}}, "status.run.since: Invalid value"),
    ({"run": {**RUN, "request": "x" * 129}}, "status.run.request: Too long"),
    ({"lastHandledReset": "x" * 129}, "status.lastHandledReset: Too long"),
    ({"lastFetch": {**RUN, "outcome": "Fine"}}, 'supported values: "Running", "Succeeded"'),
    ({"run": {**RUN, "outcome": "Fine"}}, 'supported values: "Running", "Succeeded", "Failed"'),
    ({"run": {**RUN, "errorClass": "bad"}}, "status.run.errorClass: Unsupported value"),
    ({"run": {**RUN, "reason": "Bad"}}, "status.run.reason: Unsupported value"),
    ({"run": {**RUN, "message": "m" * 1025}}, "status.run.message: Too long"),
    ({"run": {**RUN, "jobName": "j" * 64}}, "status.run.jobName: Too long"),
    ({"run": {**RUN, "rows": -1}}, "greater than or equal to 0"),
    ({"run": {**RUN, "retryAfterSeconds": 86_401}}, "less than or equal to 86400"),
    ({"run": {"number": 1}}, "status.run.outcome: Required value"),
    ({"conditions": [{**CONDITION, "status": "Maybe"}]}, "Unsupported value"),
    ({"conditions": [{**CONDITION, "reason": "not one word"}]}, "reason: Invalid value"),
    ({"conditions": [CONDITION, CONDITION]}, "Duplicate value"),
    ({"conditions": [{"type": "Ready"}]}, "conditions[0].status: Required value"),
]


@pytest.fixture(scope="module")
def integration(server: Server) -> str:
    server.create("Integration", OK, name="bad-status", namespace=server.namespace, dry_run=False)
    return "bad-status"


@pytest.mark.parametrize(("status", "why"), BAD_STATUS)
def test_a_status_that_cannot_be_is_refused(
    server: Server, integration: str, status: dict[str, Any], why: str
) -> None:
    with pytest.raises(ApiException) as refused:
        write_status(server, "Integration", integration, status)
    assert why in refusal(refused.value)


# ------------------------------------------------------------------ what kubectl shows


def table(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_kubectl_shows_an_integration_in_a_line(server: Server) -> None:
    spec = {**OK, "updateFrequencyMinutes": 15}
    server.create("Integration", spec, name="shown", namespace=server.namespace, dry_run=False)
    write_status(server, "Integration", "shown", FULL_STATUS["Integration"])
    header, row = table(server.kubectl("get", "integ", "shown", "-n", server.namespace).stdout)
    assert header == (["NAME", "SERVICE", "EVERY", "READY", "STATE", "LAST SUCCESS", "NEXT", "AGE"])
    assert row[:5] == ["shown", "rest", "15", "True", "Fetched"]
    assert re.fullmatch(r"\d+d|\d+y(\d+d)?", row[5])
    assert row[6] == TIME
    header, row = table(
        server.kubectl("get", "integ", "shown", "-n", server.namespace, "-o", "wide").stdout
    )
    assert header[8:] == ["ROWS", "FAILURES", "MESSAGE"]
    assert row[8:] == [str(10**15), "2", "All is well."]


def test_kubectl_shows_a_plugin_in_a_line(server: Server) -> None:
    spec = {"title": "A service", "image": "a/b:1", "maxConcurrentFetches": 7}
    server.create("Plugin", spec, name="chart-shown", dry_run=False)
    try:
        header, row = table(server.kubectl("get", "plugins", "chart-shown").stdout)
    finally:
        server.kubectl("delete", "plugins", "chart-shown")
    assert header == ["NAME", "TITLE", "IMAGE", "EVERY", "CONCURRENCY", "AGE"]
    assert row[:5] == ["chart-shown", "A service", "a/b:1", "15", "7"]


def test_kubectl_shows_a_scheduler_in_a_line(server: Server) -> None:
    server.create("Scheduler", {}, name="shown", namespace=server.namespace, dry_run=False)
    write_status(server, "Scheduler", "shown", FULL_STATUS["Scheduler"])
    header, row = table(server.kubectl("get", "scheduler", "shown", "-n", server.namespace).stdout)
    columns = ["NAME", "SUSPEND", "LEADER", "LAST CHECK", "TOTAL", "FETCHING", "FAILING", "AGE"]
    assert header == columns
    assert row[:3] == ["shown", "false", "operator-0"]
    assert row[4:7] == ["5", "2", "1"]


def test_integrations_can_be_selected_by_service_and_suspension(server: Server) -> None:
    for name, service, suspend in [("a", "rest", True), ("b", "rss", True), ("c", "rss", False)]:
        spec = {"service": service, "suspend": suspend}
        server.create(
            "Integration", spec, name=f"chosen-{name}", namespace=server.namespace, dry_run=False
        )

    def chosen(selector: str) -> set[str]:
        got = server.kubectl(
            "get", "integ", "-n", server.namespace, "--field-selector", selector, "-o", "name"
        )
        names = (line.rpartition("/")[2] for line in got.stdout.splitlines())
        return {name for name in names if name.startswith("chosen-")}

    assert chosen("spec.service=rss") == {"chosen-b", "chosen-c"}
    assert chosen("spec.suspend=true") == {"chosen-a", "chosen-b"}
    assert chosen("spec.service=rss,spec.suspend=false") == {"chosen-c"}


def test_our_kinds_are_found_by_short_name_and_category(server: Server) -> None:
    server.create("Scheduler", {}, name="in-category", namespace=server.namespace, dry_run=False)
    server.create("Integration", OK, name="in-category", namespace=server.namespace, dry_run=False)
    names = server.kubectl("get", "spark", "-n", server.namespace, "-o", "name").stdout.split()
    assert f"scheduler.{GROUP}/in-category" in names
    assert f"integration.{GROUP}/in-category" in names


def test_kubectl_explains_the_fields(server: Server) -> None:
    said = server.kubectl("explain", "integration.spec.destination").stdout
    assert "Where the records are loaded." in said
    assert "enum: duckdb, postgres, filesystem" in said
    assert "Parquet files on a PersistentVolumeClaim or in a bucket" in " ".join(said.split())
