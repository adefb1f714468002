"""OAuth 2.0 for plugins: an access token by client credentials or by a refresh token.

The token comes when the first request needs it, and anew when it runs out or is refused. What the
token's service answers is never repeated: an error may echo the refresh token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

from spark_plugins.contract import Context
from spark_plugins.errors import PermanentError
from spark_plugins.http import show
from spark_plugins.rotation import Rotation, Unsaved

# A token that runs out on its way is refused: it is replaced a little before.
LEEWAY_SECONDS = 30.0

# RFC 6749, 5.2. Another word of the service may be anything, and is not repeated.
_MEANINGS = {
    "invalid_client": "the keys client_id and client_secret are not accepted",
    "invalid_grant": "the key refresh_token is not accepted any more: sign in anew",
    # Gitea's word for a refresh token that is good once and came twice.
    "unauthorized_client": "this client may not sign in so, or the refresh token was used before",
}
_CONFIG_MEANINGS = {
    "invalid_scope": "the scopes are not accepted",
    "unsupported_grant_type": "it does not know this way to sign in",
    "invalid_request": "the request lacks something: see tokenParams and clientAuth",
}


class AccessToken(AuthBase):
    """Signs requests with `Authorization: Bearer`; see the two functions below."""

    def __init__(
        self,
        context: Context,
        *,
        token_url: str,
        client_id: str,
        client_secret: str | None,
        client_auth: Literal["body", "basic"],
        grant: dict[str, str],
        rotation: Callable[[], Rotation] | None,
    ) -> None:
        self._url = token_url
        self._session = context.session(only=[token_url])
        self._conceal = context.conceal
        self._client = client_id, client_secret
        self._client_auth = client_auth
        self._grant = dict(grant)
        self._rotation = rotation
        # What the Secret held when it was last looked at, of which the newest may be in memory alone.
        self._kept = grant.get("refresh_token")
        self._token = ""
        self._until = 0.0
        self._worked = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._token or time.monotonic() >= self._until:
            self.refresh()
        request.headers["Authorization"] = f"Bearer {self._token}"
        request.register_hook("response", self._when_refused)  # type: ignore[no-untyped-call]
        return request

    def refresh(self) -> None:
        """Get a token. Raises `PermanentError` where the service refuses, and lets exceptions of
        `requests` pass."""
        with self._rotation() if self._rotation is not None else nullcontext() as rotation:
            if rotation is not None:
                self._look_up(rotation)
            response = self._ask()
            answer = _json_object(response)
            if response.status_code in (400, 401, 403):
                raise self._refusal(response, answer.get("error")) from _answered(response)
            response.raise_for_status()
            if rotation is not None:
                # Before anything else can fail: it may be the only one that is good.
                self._take_rotated(answer.get("refresh_token"), rotation)
            token = answer.get("access_token")
            if (
                not isinstance(token, str)
                or not token
                or not token.isascii()
                or not token.isprintable()
            ):
                raise PermanentError(
                    f"{show(self._url)} answers without an access_token: tokenUrl may be wrong.",
                    reason="InvalidConfig",
                ) from _answered(response)
            self._conceal([token])
            self._token, self._worked = token, False
            self._until = time.monotonic() + _seconds(answer.get("expires_in")) - LEEWAY_SECONDS

    def _look_up(self, rotation: Rotation) -> None:
        """Go on with what the Secret holds, if that has changed; else with the newest one seen."""
        found = rotation.current("refresh_token")
        if found is not None and found != self._kept:
            self._conceal([found])
            self._kept = self._grant["refresh_token"] = found

    def _take_rotated(self, token: Any, rotation: Rotation) -> None:
        if not isinstance(token, str) or not token or token == self._grant["refresh_token"]:
            return
        self._conceal([token])
        # The old one may be dead from now on: this process goes on with the new one.
        self._grant["refresh_token"] = token
        rotation.save(refresh_token=token)

    def _ask(self) -> requests.Response:
        client_id, client_secret = self._client
        form = dict(self._grant)
        headers = {"Accept": "application/json"}
        if self._client_auth == "basic" and client_secret is not None:
            # RFC 6749, 2.3.1: encoded as in a form before they are joined.
            user, word = quote(client_id, safe=""), quote(client_secret, safe="")
            return self._session.post(self._url, data=form, headers=headers, auth=(user, word))
        form["client_id"] = client_id
        if client_secret is not None:
            form["client_secret"] = client_secret
        return self._session.post(self._url, data=form, headers=headers)

    def _refusal(self, response: requests.Response, error: Any) -> PermanentError:
        host = urlsplit(self._url).hostname
        if error in _CONFIG_MEANINGS:
            return PermanentError(
                f"{host} gives no access token ({error}): {_CONFIG_MEANINGS[error]}.",
                reason="InvalidConfig",
            )
        if error in _MEANINGS:
            meaning = f"({error}): {_MEANINGS[error]}"
        else:
            meaning = f"(status {response.status_code}): the client or its grant is not accepted"
        return PermanentError(
            f"{host} gives no access token {meaning}.", reason="InvalidCredentials"
        )

    def _when_refused(
        self, response: requests.Response, **settings: Any
    ) -> requests.Response | None:
        if response.status_code != 401:
            self._worked = self._worked or response.status_code < 400
            return None
        sent = response.request.headers.get("Authorization")
        if not self._worked or sent != f"Bearer {self._token}":
            # A token that never worked is refused for a reason that another one does not mend.
            return None
        # It was good before, so it was ended from outside: once more, with a new one.
        self.refresh()
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {self._token}"
        answer = response.connection.send(again, **settings)
        answer.history.append(response)
        answer.request = again
        return answer


def client_credentials(
    context: Context,
    *,
    token_url: str,
    client_id: str,
    client_secret: str,
    client_auth: Literal["body", "basic"] = "body",
    scopes: Iterable[str] = (),
    params: Mapping[str, str] | None = None,
) -> AccessToken:
    """Sign in as the client itself."""
    return AccessToken(
        context,
        token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        client_auth=client_auth,
        grant=_grant("client_credentials", scopes, params),
        rotation=None,
    )


def refresh_token(
    context: Context,
    *,
    token_url: str,
    refresh_token: str,
    client_id: str,
    client_secret: str | None = None,
    client_auth: Literal["body", "basic"] = "body",
    scopes: Iterable[str] = (),
    params: Mapping[str, str] | None = None,
    rotation: Callable[[], Rotation] | None = None,
) -> AccessToken:
    """Sign in as the user who gave the refresh token.

    `rotation` is `lambda: context.rotation(credentials)`: around each renewal, so that a new refresh
    token is kept before the access token that came with it is used. Without it a warning is logged,
    as the one in the Secret may be worth nothing now.
    """

    def warn(_key: str, _token: str) -> None:
        context.log.warning(
            "%s has replaced the refresh token, and the new one is not kept: if the next fetch is "
            "refused, sign in anew and put the key refresh_token into the Secret.",
            urlsplit(token_url).hostname,
        )

    grant = _grant("refresh_token", scopes, params) | {"refresh_token": refresh_token}
    return AccessToken(
        context,
        token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        client_auth=client_auth,
        grant=grant,
        rotation=rotation or (lambda: Unsaved(None, warn)),
    )


def _grant(kind: str, scopes: Iterable[str], params: Mapping[str, str] | None) -> dict[str, str]:
    scope = " ".join(scopes)
    # The kind last: a parameter of the user's must not change what is asked for.
    return {**(params or {}), **({"scope": scope} if scope else {}), "grant_type": kind}


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _answered(response: requests.Response) -> requests.HTTPError:
    """The cause of an error that speaks for itself: by it a rotation knows that an answer came."""
    return requests.HTTPError(response=response)


def _seconds(value: Any) -> float:
    """How long a token is good; where the service does not say it, until it is refused."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return float("inf")
    # Some give tokens of less than the leeway: then each request would ask for one.
    return max(seconds, LEEWAY_SECONDS + 1.0)
