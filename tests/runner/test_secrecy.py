"""No secret leaves by the log, the message or the destination's errors."""

import base64
from urllib.parse import quote

import pytest

from spark_plugins.testing import Answer, Service, json_answer

CANARY = "can/ary+7d2f&é9"


def assert_unseen(ended, canary):
    forms = {canary, quote(canary, safe=""), base64.b64encode(canary.encode()).decode()[:-4]}
    for text in (ended.stdout, ended.stderr, ended.raw.decode()):
        for form in forms:
            assert form not in text


def test_a_token_is_sent_and_seen_nowhere_else(rest, service):
    rest.config["auth"] = {"type": "apiKey", "location": "query", "name": "key"}
    rest.secret(api_key=CANARY + "\n")
    service.on("/items", lambda request: Answer(418, f"your key {CANARY}".encode()))
    ended = rest.fetch()
    assert service.requests[0].query["key"] == CANARY
    assert ended.exit == 10
    assert "/items answers with status 418" in ended.said
    assert_unseen(ended, CANARY)


def test_unexpected_errors_with_a_secret_in_them_are_scrubbed(rest, service):
    rest.config["auth"] = {"type": "basic"}
    rest.secret(username="alice", password="canary-77aa-word")
    # The service repeats what signs in, and the HTTP library repeats the service.
    service.on(
        "/items",
        lambda request: Answer(
            302, b"", {"Location": "ftp://u:p@x/" + (request.header("Authorization") or "")}
        ),
    )
    ended = rest.fetch()
    assert ended.exit != 0
    assert "canary" not in ended.stderr + ended.stdout + ended.raw.decode()
    assert base64.b64encode(b"alice:canary-77aa-word").decode() not in ended.stderr + ended.said


def test_a_wrong_password_of_the_warehouse_is_named_without_it(warehouse):
    warehouse.warehouse(password="canary-word-31")
    ended = warehouse.fetch()
    assert ended.exit == 1
    assert 'Secret "warehouse"' in ended.said
    assert "password authentication failed" in ended.said
    assert "canary-word-31" not in ended.stderr + ended.stdout + ended.raw.decode()


def test_a_user_that_the_warehouse_refuses_is_not_repeated(warehouse):
    warehouse.warehouse(username="canary-user-31")
    ended = warehouse.fetch()
    assert 'authentication failed for user "***"' in ended.said
    assert "canary-user-31" not in ended.stderr + ended.stdout + ended.raw.decode()


def test_what_an_author_prints_is_scrubbed_by_whatever_name_the_stream_is_taken(made):
    pod = made("Printing")
    pod.secret(token="canary-token-5e")
    ended = pod.fetch()
    assert ended.exit == 0
    assert ended.stdout.count("signing in with *** or so") == 2
    assert ended.stderr.count("signing in with *** or so") == 2
    assert "canary" not in ended.stdout + ended.stderr


def test_a_user_name_that_is_the_name_of_the_integration_leaves_the_command_whole(rest, service):
    rest.config["auth"] = {"type": "basic"}
    rest.secret(username=rest.name, password="canary-word-77")
    service.on("/items", Answer(401))
    ended = rest.fetch()
    assert ended.exit == 10
    assert f"kubectl annotate integration {rest.name} -n team-a" in ended.said
    assert f'"team-a/{rest.name}"' in ended.stderr
    assert "canary" not in ended.stdout + ended.stderr + ended.raw.decode()


def test_a_token_in_the_wrong_place_is_not_repeated(rest):
    rest.config["auth"] = {"type": "bearer", "token": "canary-pasted"}
    ended = rest.fetch()
    assert ended.exit == 10
    assert "auth.bearer.token" in ended.said
    assert "canary-pasted" not in ended.stderr + ended.raw.decode()


@pytest.mark.parametrize("way", ["link", "redirect"])
def test_credentials_never_go_to_another_host(rest, service, way):
    with Service("127.0.0.2") as other:
        other.on("/items", json_answer([{"id": 2}]))
        elsewhere = f"{other.url}/items?page=2"
        rest.config["auth"] = {"type": "apiKey"}
        rest.secret(api_key="canary-key-1")
        if way == "redirect":
            service.on("/items", Answer(307, b"", {"Location": elsewhere}))
        else:
            rest.config["resources"][0]["pagination"] = {"type": "link_header"}
            service.on("/items", json_answer([{"id": 1}], Link=f'<{elsewhere}>; rel="next"'))
        ended = rest.fetch()
        assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
        assert "127.0.0.2" in ended.said
        assert other.requests == []
        assert service.requests[0].header("X-API-Key") == "canary-key-1"
