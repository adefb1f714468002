"""Refresh tokens that are good for one use, and a pod that may end at any moment."""

import json
import signal
import threading
import time
from urllib.parse import parse_qs

import pytest
from tests.support.secret import MARK, PATH, Secret, written_back

from spark_plugins.errors import TransientError
from spark_plugins.testing import Answer, json_answer
from spark_runner import document as documents
from spark_runner import write_back
from spark_runner.scrub import Scrubber
from spark_runner.secret_api import SecretApi
from spark_runner.stage import Stage


@pytest.fixture
def secret(service):
    return Secret(service, refresh_token="canary-r0")


@pytest.fixture(params=["a plugin of an author", "rest"])
def rotating(request, made, service, secret):
    """A pod whose service voids each token at its first use, and gives the next."""
    pod = made("Rotating", API_SERVER=service.url)
    if request.param == "rest":
        del pod.environment["PLUGIN"]
        pod.service = "rest"
        pod.config = {
            "baseUrl": service.url,
            "auth": {"type": "oauth2RefreshToken", "tokenUrl": f"{service.url}/token"},
            "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
        }
        secret.values["client_id"] = "app-id"
    written_back(pod, secret)
    valid = ["canary-r0"]

    def token(request):
        if parse_qs(request.body.decode())["refresh_token"] != valid[-1:]:
            return json_answer({"error": "invalid_grant"}, 400)
        valid.append(f"canary-r{len(valid)}")
        return json_answer({"refresh_token": valid[-1], "access_token": "canary-access"})

    service.on("/token", token)
    service.on("/items", json_answer([{"id": 1}]))
    return pod


def paths(service):
    return [
        ("save" if request.method == "PATCH" else "read") if request.path == PATH else request.path
        for request in service.requests
    ]


def test_the_new_token_is_saved_before_anything_else_is_asked_and_used_by_the_next_fetch(
    rotating, service, secret
):
    before = dict(secret.values)
    ended = rotating.fetch()
    assert (ended.exit, ended.message) == (0, {"rows": 1})
    # The mark, the renewal, the save, and only then the data.
    assert paths(service) == ["read", "save", "/token", "save", "/items"]
    assert secret.values == before | {"refresh_token": "canary-r1"}
    assert MARK not in secret.annotations
    # The mount of the next pod may be older than the Secret.
    assert rotating.fetch().exit == 0
    assert secret.values["refresh_token"] == "canary-r2"
    for text in (ended.stdout, ended.stderr, ended.raw.decode()):
        assert "canary-r" not in text


@pytest.mark.parametrize("status", [403, 404])
def test_without_the_right_to_save_nothing_is_renewed_and_the_account_is_named(
    rotating, service, secret, status
):
    secret.on_write = lambda _body: json_answer({"message": "no"}, status)
    ended = rotating.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'ServiceAccount "spark-fetch-alice" needs the verbs get and patch' in ended.said
    assert "/token" not in paths(service)


def test_a_token_lost_with_a_killed_pod_is_called_that_by_the_next(rotating, service, secret):
    secret.on_write = lambda body: Answer(hang=True) if body["data"] else None
    process = rotating.start()
    service.wait_for(4)
    process.send_signal(signal.SIGKILL)
    rotating.end(process)
    assert secret.annotations[MARK].startswith("run 42 at ")
    secret.on_write = lambda _body: None
    ended = rotating.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "It was being renewed by run 42 at" in ended.said
    assert 'kubectl patch secret alice-secret -n team-a -p \'{"stringData":{"refresh_token"' in (
        ended.said
    )
    assert ended.said.endswith("--overwrite")


def test_sigterm_waits_until_the_new_token_is_saved(rotating, service, secret):
    go_on = threading.Event()
    secret.on_write = lambda body: go_on.wait(20) and None if body["data"] else None
    process = rotating.start()
    service.wait_for(4)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(TimeoutError):
        # Without the wait it would be gone by then.
        rotating_ends_within(process, 1.5)
    go_on.set()
    assert rotating.end(process).exit == 12
    assert secret.values["refresh_token"] == "canary-r1"
    assert MARK not in secret.annotations


def rotating_ends_within(process, seconds):
    end = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def test_what_a_user_has_put_there_meanwhile_stays_and_is_said(rotating, secret):
    def meanwhile(body):
        if body["data"]:
            secret.on_write = lambda _body: None
            secret.set(refresh_token="canary-by-hand")

    secret.on_write = meanwhile
    ended = rotating.fetch()
    assert ended.exit == 0
    assert "was changed while its token was renewed" in ended.said
    assert secret.values["refresh_token"] == "canary-by-hand"


def test_another_write_to_the_secret_does_not_lose_the_token(rotating, secret):
    def meanwhile(body):
        if body["data"]:
            secret.on_write = lambda _body: None
            secret.set(other="by a controller")

    secret.on_write = meanwhile
    assert rotating.fetch().message == {"rows": 1}
    assert secret.values["refresh_token"] == "canary-r1"
    assert secret.values["other"] == "by a controller"
    assert MARK not in secret.annotations


def test_where_it_may_not_be_saved_the_success_says_so(rotating, service):
    rotating.credentials["writeBackAccount"] = None
    ended = rotating.fetch()
    assert ended.exit == 0
    assert "a new refresh_token, which was not saved" in ended.said
    assert "credentialsWriteBack" in ended.said
    assert PATH not in paths(service)


def test_a_token_that_cannot_be_saved_is_called_lost(rotating, service, secret, monkeypatch):
    monkeypatch.setattr(write_back, "SAVE_SECONDS", 0.0)
    document = documents.parse(json.dumps(rotating.document()))
    api = SecretApi(service.url, rotating.base / "api", "team-a", "alice-secret")
    stage, scrubber = Stage(), Scrubber()
    kept = write_back.WriteBack(api, document, None, scrubber, stage, [].append)

    def renewed():
        with kept as rotation:
            assert rotation.current("refresh_token") == "canary-r0"
            assert not stage.settled.is_set()
            secret.on_write = lambda _body: Answer(500)
            rotation.save(refresh_token="canary-r1")

    with pytest.raises(TransientError, match="could not be saved in Secret") as raised:
        renewed()
    assert "it is lost with this pod" in str(raised.value)
    assert stage.settled.is_set()
    assert MARK in secret.annotations
    assert scrubber("canary-r1") == "***"
