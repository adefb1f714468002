"""OAuth 2.0: tokens that come, run out, are refused, and are never repeated."""

from urllib.parse import parse_qs

import pytest

from spark_plugins import oauth
from spark_plugins.errors import MissingCredential, PermanentError
from spark_plugins.rotation import Unsaved
from spark_plugins.testing import Answer, Service, json_answer

CLIENT = {"client_id": "canary-id", "client_secret": "canary-s:é"}
REFRESH = CLIENT | {"refresh_token": "canary-refresh"}


@pytest.fixture
def tokens():
    """The service that gives tokens, on a host of its own."""
    with Service("127.0.0.2") as running:
        yield running


@pytest.fixture
def signed(service, tokens, fetch):
    def signed(kind="oauth2ClientCredentials", credentials=None, settings=None, **resource):
        auth = {"type": kind, "tokenUrl": f"{tokens.url}/token"} | (settings or {})
        return fetch(
            auth=auth, credentials=CLIENT if credentials is None else credentials, **resource
        )

    return signed


def form(request):
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_a_client_signs_in_by_itself(service, tokens, signed, concealed):
    tokens.on("/token", json_answer({"access_token": "t1", "expires_in": 3600}))
    service.on("/items", json_answer([{"id": 1}]))
    signed(
        settings={"scopes": ["read", "list"], "tokenParams": {"audience": "api", "grant_type": "x"}}
    )
    assert form(tokens.requests[0]) == {
        "grant_type": "client_credentials",
        "client_id": "canary-id",
        "client_secret": "canary-s:é",
        "scope": "read list",
        "audience": "api",
    }
    assert service.requests[0].header("Authorization") == "Bearer t1"
    # No log and no message shows it from now on.
    assert concealed == ["t1"]


def test_a_client_signs_in_by_basic_authentication(service, tokens, signed):
    tokens.on("/token", json_answer({"access_token": "t1"}))
    service.on("/items", json_answer([{"id": 1}]))
    signed(settings={"clientAuth": "basic"})
    (asked,) = tokens.requests
    # canary-id:canary-s%3A%C3%A9
    assert asked.header("Authorization") == "Basic Y2FuYXJ5LWlkOmNhbmFyeS1zJTNBJUMzJUE5"
    assert form(asked) == {"grant_type": "client_credentials"}


def test_a_user_is_signed_in_by_the_refresh_token(service, tokens, signed, caplog):
    tokens.on("/token", json_answer({"access_token": "t1", "refresh_token": "canary-refresh"}))
    service.on("/items", json_answer([{"id": 1}]))
    credentials = {"client_id": "canary-id", "refresh_token": "canary-refresh"}
    signed("oauth2RefreshToken", credentials)
    assert form(tokens.requests[0]) == {
        "grant_type": "refresh_token",
        "client_id": "canary-id",
        "refresh_token": "canary-refresh",
    }
    assert caplog.text == ""


def test_a_replaced_refresh_token_is_warned_of_and_used_from_then_on(
    service, tokens, context, concealed, caplog
):
    answers = iter(["r2", "r3"])
    tokens.on(
        "/token",
        lambda _: json_answer({"access_token": "t", "refresh_token": next(answers)}),
    )
    given = {"token_url": f"{tokens.url}/token", "refresh_token": "r1", "client_id": "c"}
    token = oauth.refresh_token(context, **given)
    token.refresh()
    token.refresh()
    assert [form(request)["refresh_token"] for request in tokens.requests] == ["r1", "r2"]
    assert {"r2", "r3"} <= set(concealed)
    assert "has replaced the refresh token" in caplog.text
    assert "r2" not in caplog.text

    tokens.on("/token", json_answer({"access_token": "t", "refresh_token": "r4"}))
    kept = []
    rotation = Unsaved(None, lambda key, token: kept.append((key, token)))
    oauth.refresh_token(context, **given, rotation=lambda: rotation).refresh()
    assert kept == [("refresh_token", "r4")]


def test_a_token_that_was_put_into_the_secret_meanwhile_is_used_next(tokens, context, concealed):
    """Not the newest of this process: whoever put it there knew better."""
    answers = iter(["r2", "r3"])
    tokens.on(
        "/token", lambda _: json_answer({"access_token": "t", "refresh_token": next(answers)})
    )

    class Secret(Unsaved):
        value = "r1"

        def current(self, key):
            return self.value

    secret = Secret(None, lambda _key, _token: None)
    token = oauth.refresh_token(
        context,
        token_url=f"{tokens.url}/token",
        refresh_token="r1",
        client_id="c",
        rotation=lambda: secret,
    )
    token.refresh()
    secret.value = "by-hand"
    token.refresh()
    assert [form(request)["refresh_token"] for request in tokens.requests] == ["r1", "by-hand"]
    assert "by-hand" in concealed


def test_a_new_refresh_token_is_kept_also_where_no_access_token_came_with_it(tokens, context):
    tokens.on("/token", json_answer({"refresh_token": "r2"}))
    kept = []
    rotation = Unsaved(None, lambda _key, token: kept.append(token))
    token = oauth.refresh_token(
        context,
        token_url=f"{tokens.url}/token",
        refresh_token="r1",
        client_id="c",
        rotation=lambda: rotation,
    )
    with pytest.raises(PermanentError, match="without an access_token"):
        token.refresh()
    assert kept == ["r2"]


def test_one_token_serves_every_request(service, tokens, signed):
    tokens.on("/token", json_answer({"access_token": "t1", "expires_in": 3600}))
    service.on(
        "/items",
        lambda r: json_answer([{"id": 1}], Link="" if r.query else '</items?p=2>; rel="next"'),
    )
    signed(pagination={"type": "link_header"})
    assert len(service.requests) == 2
    assert len(tokens.requests) == 1


def test_a_token_that_runs_out_is_replaced_before_it_is_refused(
    service, tokens, signed, monkeypatch
):
    count = iter(range(1, 9))
    tokens.on(
        "/token", lambda _: json_answer({"access_token": f"t{next(count)}", "expires_in": 60})
    )
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(oauth.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr("spark_plugins.http._Adapter._remaining", lambda _self: 60.0)
    monkeypatch.setattr(
        "spark_plugins.http._Adapter._read", lambda _self, response: response.content
    )
    service.on(
        "/items",
        lambda r: json_answer([{"id": 1}], Link="" if r.query else '</items?p=2>; rel="next"'),
    )
    signed(pagination={"type": "link_header"})
    assert [r.header("Authorization") for r in service.requests] == ["Bearer t1", "Bearer t2"]


def test_a_token_that_is_ended_on_the_way_is_replaced_once(service, tokens, signed):
    count = iter(range(1, 9))
    tokens.on("/token", lambda _: json_answer({"access_token": f"t{next(count)}"}))

    def items(request):
        if "p" not in request.query:
            return json_answer([{"id": 1}], Link='</items?p=2>; rel="next"')
        if request.header("Authorization") == "Bearer t1":
            return Answer(401)
        return json_answer([{"id": 2}])

    service.on("/items", items)
    assert signed(pagination={"type": "link_header"}) == [{"id": 1}, {"id": 2}]
    assert len(tokens.requests) == 2


def test_a_token_that_is_refused_at_once_is_not_asked_for_again(service, tokens, signed):
    tokens.on("/token", json_answer({"access_token": "t1"}))
    service.on("/items", Answer(401))
    with pytest.raises(Exception, match="401"):
        signed()
    assert (len(tokens.requests), len(service.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "error", "fault", "reason"),
    [
        (401, "invalid_client", "client_id and client_secret", "InvalidCredentials"),
        (400, "invalid_grant", "sign in anew", "InvalidCredentials"),
        (400, "invalid_scope", "scopes are not accepted", "InvalidConfig"),
        (400, "canary-refresh is no good", "status 400", "InvalidCredentials"),
        (403, None, "status 403", "InvalidCredentials"),
        (200, "x", "without an access_token", "InvalidConfig"),
    ],
)
def test_a_refusal_says_what_to_do_and_repeats_nothing(
    service, tokens, signed, status, error, fault, reason
):
    echo = {"error": error, "error_description": "refresh_token=canary-refresh is bad"}
    tokens.on("/token", json_answer(echo, status))
    with pytest.raises(PermanentError, match=fault) as caught:
        signed("oauth2RefreshToken", REFRESH)
    assert caught.value.reason == reason
    assert "canary" not in str(caught.value) + repr(caught.value)
    assert "127.0.0.2" in str(caught.value)
    assert service.requests == []


@pytest.mark.parametrize(("status", "tries"), [(429, 1), (503, 1)])
def test_a_token_service_that_is_busy_is_judged_by_its_status(tokens, signed, status, tries):
    tokens.on("/token", Answer(status, b"", {"Retry-After": "60"}))
    with pytest.raises(Exception, match=str(status)):
        signed()
    assert len(tokens.requests) == tries


def test_the_refresh_token_follows_no_redirect_to_another_host(tokens, signed):
    with Service("127.0.0.3") as thief:
        tokens.on("/token", Answer(307, headers={"Location": f"{thief.url}/token"}))
        with pytest.raises(PermanentError, match=r"127\.0\.0\.3"):
            signed("oauth2RefreshToken", REFRESH)
        assert thief.requests == []


@pytest.mark.parametrize(
    ("kind", "given", "missing"),
    [
        ("oauth2ClientCredentials", {}, "client_id"),
        ("oauth2ClientCredentials", {"client_id": "a"}, "client_secret"),
        ("oauth2RefreshToken", {"client_id": "a"}, "refresh_token"),
        ("oauth2RefreshToken", {"refresh_token": "a"}, "client_id"),
    ],
)
def test_each_grant_needs_its_keys(signed, kind, given, missing):
    with pytest.raises(MissingCredential) as error:
        signed(kind, given)
    assert error.value.key == missing


def test_an_address_of_tokens_with_a_secret_in_it_is_refused(signed):
    with pytest.raises(ValueError, match="tokenUrl"):
        signed(settings={"tokenUrl": "https://login.example.com/token?client_secret=x"})
