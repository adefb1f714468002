"""A canary in every credential field of every plugin and destination is nowhere but in its Secret.

The service they are sent to repeats them in its answers; the real database and the real bucket client
repeat them in their errors.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from dev.demo.run import NAMESPACE, SYSTEM, Demo
from tests.e2e import cluster, echo_service

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

_PLUGINS = Path(__file__).parents[2] / "charts" / "spark-integrations" / "files" / "plugins"
_ECHO = echo_service.ADDRESS
# With signs that are written otherwise in an address and in base64.
_SHAPE = "can/ary+{}&7d2f"
_ITEMS = {"name": "items", "path": "items", "primaryKey": ["id"]}


def canary(secret: str, key: str) -> str:
    return _SHAPE.format(f"{secret}-{key}".replace("_", "-"))


def rest(behaviour: str, **auth: Any) -> dict[str, Any]:
    return {
        "service": "rest",
        "config": {"baseUrl": f"{_ECHO}/{behaviour}", "auth": auth, "resources": [_ITEMS]},
    }


def oauth(behaviour: str, token: str, kind: str, how: str) -> dict[str, Any]:
    return rest(behaviour, type=kind, tokenUrl=f"{_ECHO}/{token}/token", clientAuth=how)


def into(behaviour: str, type_: str, secret: str, **more: Any) -> dict[str, Any]:
    destination = {"type": type_, "secretName": secret, **more}
    return {**rest(behaviour, type="none"), "destination": destination}


def github(behaviour: str) -> dict[str, Any]:
    base = f"{_ECHO}/{behaviour}/api/v1"
    config = {"server": "gitea", "baseUrl": base, "repositories": ["a/b"], "tables": ["issues"]}
    return {"service": "github", "config": config}


# By the Secret: its keys, and the Integrations that use it. A name says what becomes of the fetch.
_USES: dict[str, tuple[list[str], dict[str, dict[str, Any]]]] = {
    "bearer": (
        ["token"],
        {
            "bearer-ok": rest("ok", type="bearer"),
            "bearer-refuse": rest("refuse", type="bearer"),
            "bearer-break": rest("break", type="bearer"),
            "bearer-turn": rest("turn", type="bearer"),
        },
    ),
    "key": (
        ["api_key"],
        {
            "key-header-break": rest("break", type="apiKey"),
            "key-query-refuse": rest("refuse", type="apiKey", location="query", name="key"),
        },
    ),
    "basic": (["username", "password"], {"basic-turn": rest("turn", type="basic")}),
    "client": (
        ["client_id", "client_secret"],
        {
            "client-ok": oauth("ok", "ok", "oauth2ClientCredentials", "basic"),
            "client-refuse": oauth("ok", "refuse", "oauth2ClientCredentials", "body"),
        },
    ),
    "refresh": (
        ["client_id", "client_secret", "refresh_token"],
        {
            "refresh-refuse": oauth("ok", "refuse", "oauth2RefreshToken", "body"),
            "refresh-break": oauth("ok", "break", "oauth2RefreshToken", "basic"),
        },
    ),
    "github": (
        ["token"],
        {"github-ok": github("ok"), "github-refuse": github("refuse")},
    ),
    "calendar": (
        ["username", "password"],
        {
            "calendar-refuse": {
                "service": "ical",
                "config": {"protocol": "caldav", "url": f"{_ECHO}/refuse/calendar/"},
            }
        },
    ),
    # Its hosts are fixed, and there is no way out of this cluster: only what it says of that is judged.
    "spotify": (
        ["client_id", "client_secret", "refresh_token"],
        {"spotify-nowhere": {"service": "spotify", "config": {}}},
    ),
}
# The address of a calendar can be the secret itself.
_ADDRESSES = {"address-ok": "ok", "address-refuse": "refuse", "address-break": "break"}
_GOOD = {"bearer-ok", "client-ok", "github-ok", "address-ok"}
_UNSENT = {"spotify"}


def secret(name: str, **values: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": values,
    }


def integration(name: str, credentials: str | None, spec: dict[str, Any]) -> dict[str, Any]:
    body = cluster.wanted(name, **spec)
    if credentials is None:
        del body["spec"]["credentialsSecretName"]
    else:
        body["spec"]["credentialsSecretName"] = credentials
    return body


@pytest.fixture(scope="module")
def canaries(demo: Demo, echo: None) -> dict[str, list[str]]:
    """All fetched once; the canaries of each Secret."""
    place = demo.place
    used: dict[str, list[str]] = {}
    bodies: list[dict[str, Any]] = []

    def add(name: str, hidden: dict[str, str], shown: dict[str, str] | None = None) -> None:
        used[name] = list(hidden.values())
        bodies.append(secret(name, **hidden, **(shown or {})))

    for name, (keys, integrations) in _USES.items():
        add(f"canary-{name}", {key: canary(name, key) for key in keys})
        for of, spec in integrations.items():
            bodies.append(integration(of, f"canary-{name}", spec))
    for name, behaviour in _ADDRESSES.items():
        hidden = canary(name, "url").replace("&", "-")
        used[f"canary-{name}"] = [hidden]
        bodies.append(secret(f"canary-{name}", url=f"{_ECHO}/{behaviour}/{hidden}/one.ics"))
        bodies.append(integration(name, f"canary-{name}", {"service": "ical", "config": {}}))
    warehouse = place.warehouse(NAMESPACE)["stringData"]
    add(
        "canary-warehouse",
        {key: canary("warehouse", key) for key in ("username", "password")},
        {key: warehouse[key] for key in ("host", "port", "dbname") if key in warehouse},
    )
    keys = ("access_key_id", "secret_access_key", "session_token")
    add(
        "canary-lake",
        {key: canary("lake", key) for key in keys},
        {"region": "eu-central-1", "endpoint": _ECHO},
    )
    bodies.append(integration("warehouse-refuse", None, into("ok", "postgres", "canary-warehouse")))
    lake = into("ok", "filesystem", "canary-lake", bucketUrl="s3://refuse/canaries")
    bodies.append(integration("lake-refuse", None, lake))
    # Data that arrived is searched as well: one of each kind of destination.
    # Once: a pod that is there holds the claim, which other tests delete.
    once = {**rest("ok", type="bearer"), "updateFrequencyMinutes": 1440}
    claim = {**once, "destination": {"type": "duckdb"}}
    bodies.append(integration("into-duckdb-ok", "canary-bearer", claim))
    files = {**once, "destination": {"type": "filesystem"}}
    bodies.append(integration("into-files-ok", "canary-bearer", files))
    cluster.apply(place, *bodies)
    for body in bodies:
        if body["kind"] == "Integration":
            cluster.wait_run(place, body["metadata"]["name"], 1, 180)
    return used


def forms(value: str) -> set[str]:
    """How it may be written: as it is, in an address, in JSON, in base64 at any place of a longer text."""
    found = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
    for before in range(3):
        coded = base64.b64encode(b"x" * before + value.encode()).decode()
        # What depends on the neighbours is cut off.
        found.add(coded[-(-before * 8 // 6) : -4])
    return found


def everything_but_secrets(demo: Demo) -> str:
    """Each object of each kind that the API server lists, as it is stored."""
    kinds = demo.place.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    kinds.remove("secrets")
    shown = ("-A", "-o", "yaml", "--show-managed-fields", "--ignore-not-found")
    return demo.place.kubectl("get", ",".join(kinds), *shown)


def metrics(demo: Demo) -> str:
    """What each replica of the operator tells a scraper."""
    kubectl = demo.place.kubectl
    pods = ("get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=operator")
    names = kubectl(*pods, "-o", "jsonpath={.items[*].metadata.name}").split()
    path = f"/api/v1/namespaces/{SYSTEM}/pods/{{}}:8081/proxy/metrics"
    return "".join(kubectl("get", "--raw", path.format(name)) for name in names)


def rows(demo: Demo) -> str:
    tables = demo.place.query(
        "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    assert tables
    return "\n".join(
        row[0] for (table,) in tables for row in demo.place.query(f"SELECT t::text FROM {table} t")
    )


def test_every_credential_field_of_every_plugin_has_its_canary() -> None:
    fields = {
        (path.stem, field["name"])
        for path in _PLUGINS.glob("*.yaml")
        for field in yaml.safe_load(path.read_text())["spec"].get("credentials", [])
    }
    used = {("ical", "url")}
    for keys, integrations in _USES.values():
        used |= {(spec["service"], key) for spec in integrations.values() for key in keys}
    assert used == fields


def test_they_were_read_and_sent(demo: Demo, canaries: dict[str, list[str]]) -> None:
    """Else that they are nowhere would say nothing."""
    script = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/seen').read().decode())"
    )
    seen = demo.place.kubectl("exec", "-n", NAMESPACE, "echo", "--", "python3", "-c", script)
    # The database is asked over its own protocol, and a signature hides the secret key.
    hidden = {canary("warehouse", "username"), canary("warehouse", "password")}
    hidden.add(canary("lake", "secret_access_key"))
    for name, values in canaries.items():
        for value in values:
            if name.removeprefix("canary-") in _UNSENT or value in hidden:
                continue
            assert any(form in seen for form in forms(value)), f"{value} was not sent"


@pytest.mark.parametrize("name", sorted(_GOOD))
def test_those_that_may_fetch_do(demo: Demo, canaries: dict[str, list[str]], name: str) -> None:
    assert cluster.status(demo.place, name)["run"]["outcome"] == "Succeeded"


def test_each_refusal_says_which_secret_to_mend(demo: Demo, canaries: dict[str, list[str]]) -> None:
    for name in ("bearer", "github", "calendar", "warehouse", "lake"):
        run = cluster.status(demo.place, f"{name}-refuse")["run"]
        assert f'"canary-{name}"' in run["message"], run


def test_no_canary_is_in_an_object_a_log_a_metric_or_the_data(
    demo: Demo, canaries: dict[str, list[str]]
) -> None:
    assert demo.place.local is not None
    objects, told, stored = everything_but_secrets(demo), cluster.logs(demo.place), rows(demo)
    assert "bearer-refuse" in objects
    assert "does not accept the credentials" in told
    assert "[pod/spark-integrations-" in told
    assert "Breakfast" in stored
    measured = metrics(demo)
    assert 'name="bearer-refuse"' in measured
    for value in (value for values in canaries.values() for value in values):
        for form in forms(value):
            for where, text in (
                ("an object", objects),
                ("a log", told),
                ("a metric", measured),
                ("a row", stored),
            ):
                assert form not in text, f"{form} ({value}) is in {where}"
            files = ["grep", "-rlF", "-e", form, f"/var/lib/kubelet/spark-demo/{NAMESPACE}"]
            found = demo.place.local.exec(files, everything=True, check=False)
            # 1: it is in none; 2 would be that grep could not look.
            assert found.returncode == 1, f"{form} ({value}) is in {found.stdout}{found.stderr}"
