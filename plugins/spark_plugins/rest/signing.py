"""From `config.auth` and the Secret to what signs a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from dlt.sources.helpers.rest_client.auth import HttpBasicAuth
from requests.auth import AuthBase

from spark_plugins import oauth
from spark_plugins.contract import Context
from spark_plugins.errors import MissingCredential, PermanentError
from spark_plugins.rest import sign_in_config as s

if TYPE_CHECKING:
    from spark_plugins.rest import Rest


class HeaderAuth(AuthBase):
    """A header with a secret in it."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._value
        return request


class QueryAuth(AuthBase):
    """A query parameter with a secret in it, once: some services echo it in their links."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        query = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in query if name != self._name]
        signed = urlencode([*kept, (self._name, self._value)])
        request.url = urlunsplit(parts._replace(query=signed))
        return request


def auth(chosen: s.Auth, credentials: Rest.Credentials, context: Context) -> Any:
    """What signs the requests, or None.

    Raises `MissingCredential` for a key that the chosen way needs.
    """

    def need(key: str) -> str:
        value = getattr(credentials, key)
        if value is None:
            raise MissingCredential(key, why=f"auth.type {chosen.type} needs it")
        return str(value.get_secret_value())

    def may_have(key: str) -> str | None:
        value = getattr(credentials, key)
        return None if value is None else str(value.get_secret_value())

    match chosen:
        case s.BearerAuth():
            token = header_safe("token", need("token"))
            return HeaderAuth("Authorization", f"{chosen.scheme} {token}")
        case s.ApiKeyAuth() if chosen.location == "header":
            return HeaderAuth(chosen.name, header_safe("api_key", need("api_key")))
        case s.ApiKeyAuth():
            return QueryAuth(chosen.name, need("api_key"))
        case s.BasicAuth():
            return HttpBasicAuth(username=need("username"), password=need("password"))
        case s.OAuth2ClientCredentials():
            return oauth.client_credentials(
                context,
                token_url=chosen.token_url,
                client_id=need("client_id"),
                client_secret=need("client_secret"),
                client_auth=chosen.client_auth,
                scopes=chosen.scopes,
                params=chosen.token_params,
            )
        case s.OAuth2RefreshToken():
            return oauth.refresh_token(
                context,
                token_url=chosen.token_url,
                refresh_token=need("refresh_token"),
                client_id=need("client_id"),
                client_secret=may_have("client_secret"),
                client_auth=chosen.client_auth,
                scopes=chosen.scopes,
                params=chosen.token_params,
                rotation=lambda: context.rotation(credentials),
            )
        case _:
            return None


def header_safe(key: str, value: str) -> str:
    """The value of the credential; raises `PermanentError` for one that no header can carry."""
    # The HTTP library would refuse it with an error that repeats the value.
    if not value.isascii() or not value.isprintable():
        raise PermanentError(
            f'The credential "{key}" holds line breaks or other characters that no header can '
            "carry.",
            reason="InvalidCredentials",
        )
    return value
