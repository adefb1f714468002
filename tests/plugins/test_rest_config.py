"""What a user may write, and what is refused before anything is sent."""

import pytest
from pydantic import ValidationError

from spark_plugins.errors import MissingCredential, PermanentError
from spark_plugins.rest import Rest
from spark_plugins.testing import json_answer

GOOD = {
    "baseUrl": "https://api.example.com/v1",
    "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
}


def resource(**changes):
    return GOOD | {"resources": [GOOD["resources"][0] | changes]}


def test_the_least_config_is_enough():
    config = Rest.Config.model_validate(GOOD)
    assert config.resources[0].data_selector == "$"


@pytest.mark.parametrize(
    "config",
    [
        GOOD | {"baseUrl": "ftp://api.example.com"},
        GOOD | {"baseUrl": "file:///etc/passwd"},
        GOOD | {"baseUrl": "https://user:word@api.example.com"},
        GOOD | {"baseUrl": "https://api.example.com?token=x"},
        GOOD | {"baseUrl": "https://api.example.com:port"},
        GOOD | {"headers": {"Authorization": "Bearer x"}},
        GOOD | {"headers": {"X-A": "a\r\nX-B: b"}},
        GOOD | {"headers": {"X A": "a"}},
        GOOD | {"resources": []},
        GOOD | {"resources": GOOD["resources"] * 2},
        GOOD | {"resources": [GOOD["resources"][0] | {"name": f"r{n}"} for n in range(21)]},
        GOOD | {"unknown": 1},
        GOOD | {"auth": {"type": "bearer", "token": "x"}},
        GOOD | {"auth": {"type": "oauth"}},
        resource(primaryKey=[]),
        resource(name="Items"),
        resource(name="_dlt_loads"),
        resource(path="https://evil.example.net/x"),
        resource(path="//evil.example.net/x"),
        resource(path="a/../../b"),
        resource(path="items?token=x"),
        resource(body={"a": 1}),
        resource(method="DELETE"),
        resource(writeDisposition="append"),
        resource(pagination={"type": "auto"}),
        resource(pagination={"type": "link_header", "maxPages": 0}),
        resource(params={"since": "x"}, incremental={"cursorPath": "a", "startParam": "since"}),
        resource(params={"a": "x" * 3000}),
        resource(incremental={"cursorPath": "a", "rowOrder": "up"}),
        resource(incremental={"cursorPath": "a", "rowOrder": "asc", "onMissing": "include"}),
    ],
)
def test_what_cannot_be_meant_is_refused(config):
    with pytest.raises(ValidationError) as error:
        Rest.Config.model_validate(config)
    assert "token" not in str(error.value) or "x" not in str(error.value).split()


@pytest.mark.parametrize(
    ("auth", "key"),
    [("bearer", "token"), ("apiKey", "api_key"), ("basic", "username")],
)
def test_each_way_to_sign_in_needs_its_keys(fetch, auth, key):
    with pytest.raises(MissingCredential) as error:
        fetch(auth={"type": auth})
    assert (error.value.key, error.value.reason) == (key, "InvalidCredentials")


@pytest.mark.parametrize(
    ("auth", "credentials", "header", "sent"),
    [
        ({"type": "bearer"}, {"token": "t"}, "Authorization", "Bearer t"),
        ({"type": "apiKey"}, {"api_key": "k"}, "X-API-Key", "k"),
        ({"type": "apiKey", "name": "Api"}, {"api_key": "k"}, "Api", "k"),
        (
            {"type": "basic"},
            {"username": "ä", "password": "b:c"},
            "Authorization",
            "Basic w6Q6Yjpj",
        ),
        ({"type": "none"}, {"token": "t"}, "Authorization", None),
    ],
)
def test_each_way_to_sign_in_sends_what_it_should(service, fetch, auth, credentials, header, sent):
    service.on("/items", json_answer([{"id": 1}]))
    fetch(auth=auth, credentials=credentials)
    assert service.requests[0].header(header) == sent


def test_a_token_with_a_line_break_is_refused_without_repeating_it(fetch):
    with pytest.raises(PermanentError, match='"token" holds line breaks') as error:
        fetch(auth={"type": "bearer"}, credentials={"token": "canary\nX-Evil: 1"})
    assert "canary" not in str(error.value)


def test_a_representation_of_credentials_hides_them():
    assert "canary" not in repr(Rest.Credentials(token="canary"))
