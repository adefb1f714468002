"""Refresh tokens that are good for one use, saved by the fetch itself through a real API server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dev.demo.run import NAMESPACE, SYSTEM, Demo
from dev.errors import RefusalError
from tests.e2e import cluster, echo_service

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

EXAMPLE = Path(__file__).parents[2] / "manifests" / "examples" / "credentials-write-back.yaml"
CONFIG = {
    "baseUrl": f"{echo_service.ADDRESS}/ok",
    "auth": {"type": "oauth2RefreshToken", "tokenUrl": f"{echo_service.ADDRESS}/rotate/token"},
    "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
}


@pytest.fixture(scope="module")
def allowed(demo: Demo, echo: None) -> Iterator[Demo]:
    """As the administrator allows it for `rest`, by the command of the documentation."""
    patch = ("patch", "plugin", "rest", "--type=merge", "-p")
    demo.place.kubectl(*patch, '{"spec":{"writesCredentials":true}}')
    yield demo
    demo.place.kubectl(*patch, '{"spec":{"writesCredentials":false}}')


def refresh_token(demo: Demo) -> str:
    stored = demo.place.kubectl(
        *("get", "secret", "alice-credentials", "-n", NAMESPACE),
        *("-o", "jsonpath={.data.refresh_token}"),
    )
    return base64.b64decode(stored).decode()


def may(demo: Demo, account: str, *what: str) -> bool:
    try:
        said = demo.place.kubectl("auth", "can-i", *what, f"--as=system:serviceaccount:{account}")
    except RefusalError:
        return False
    return said.strip() == "yes"


def test_each_fetch_saves_the_token_that_the_next_one_needs(allowed: Demo) -> None:
    place = allowed.place
    bodies = list(yaml.safe_load_all(EXAMPLE.read_text()))
    (secret,) = (body for body in bodies if body["kind"] == "Secret")
    secret["stringData"]["client_id"] = "the-app"
    wanted = cluster.wanted(
        "alice",
        config=CONFIG,
        credentialsSecretName="alice-credentials",
        credentialsWriteBack=True,
    )
    cluster.apply(place, *bodies, wanted)
    cluster.wait_ready(place, "alice", "Fetched")
    assert refresh_token(allowed) == "refresh-1"
    cluster.fetch(place, "alice")
    assert refresh_token(allowed) == "refresh-2"
    (pod, *_) = cluster.pods_of(place, "alice")
    assert pod["spec"]["serviceAccountName"] == "spark-fetch-alice"


def test_its_account_reaches_that_one_secret_and_the_operator_none(allowed: Demo) -> None:
    account = f"{NAMESPACE}:spark-fetch-alice"
    assert may(allowed, account, "patch", "secrets/alice-credentials", "-n", NAMESPACE)
    for secret in ("secrets/warehouse", "secrets/shop-token", "secrets"):
        assert not may(allowed, account, "get", secret, "-n", NAMESPACE)
    for verb in ("get", "list", "watch", "create", "patch", "update", "delete"):
        assert not may(allowed, f"{SYSTEM}:spark-integrations", verb, "secrets", "-n", NAMESPACE)


def test_without_the_account_the_condition_says_what_is_missing(allowed: Demo) -> None:
    wanted = cluster.wanted(
        "bob",
        config=CONFIG,
        credentialsSecretName="alice-credentials",
        credentialsWriteBack=True,
    )
    cluster.apply(allowed.place, wanted)
    cluster.until(
        lambda: "spark-fetch-bob" in str(cluster.status(allowed.place, "bob")),
        60,
        "the condition to name the ServiceAccount",
    )
