"""Access to an account: a refresh token becomes access tokens of an hour."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from spark_plugins.contract import Context
from spark_plugins.errors import RefusedCredential, TransientError

if TYPE_CHECKING:
    from requests import Response

    from spark_plugins.spotify import Spotify

ACCOUNTS_URL = "https://accounts.spotify.com"

# An access token is not used up to its last moment: the clocks differ, and an answer takes time.
RESERVE_SECONDS = 60
# Spotify says an hour; a service that does not say is asked again before long.
DEFAULT_LIFETIME_SECONDS = 600


class Account:
    """Gives an access token that is good now. Nothing is asked before the first is needed."""

    def __init__(self, credentials: Spotify.Credentials, context: Context) -> None:
        self._client = (
            credentials.client_id.get_secret_value(),
            credentials.client_secret.get_secret_value(),
        )
        self._refresh_token = credentials.refresh_token.get_secret_value()
        self._context = context
        # Of its own: the client's secret goes to the accounts service and never to the other host.
        self._session = context.session(only=[ACCOUNTS_URL])
        self._access_token = ""
        self._good_until = 0.0

    def access_token(self) -> str:
        """An access token for the next request."""
        if time.monotonic() >= self._good_until:
            self._refresh()
        return self._access_token

    def _refresh(self) -> None:
        response = self._session.post(
            f"{ACCOUNTS_URL}/api/token",
            data={"grant_type": "refresh_token", "refresh_token": self._refresh_token},
            auth=tuple(part.encode() for part in self._client),  # type: ignore[arg-type]
        )
        answer = _json(response)
        if response.status_code in (400, 401):
            raise _refused(answer.get("error"))
        response.raise_for_status()
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise TransientError("accounts.spotify.com answers without an access token.")
        rotated = answer.get("refresh_token")
        # Before anything can go wrong with them: an error may repeat what was sent.
        self._context.hide([token, rotated] if isinstance(rotated, str) else [token])
        lifetime = answer.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int) else DEFAULT_LIFETIME_SECONDS
        self._access_token = token
        self._good_until = time.monotonic() + max(0, seconds - RESERVE_SECONDS)
        if isinstance(rotated, str) and rotated and rotated != self._refresh_token:
            self._refresh_token = rotated
            self._context.warn(
                "Spotify has given out a new refresh token, which is not saved: if the next fetch "
                "is refused, authorize the app again and put the new token into the Secret."
            )


def _refused(error: Any) -> RefusedCredential:
    match error:
        case "invalid_grant":
            return RefusedCredential(
                "Spotify does not accept refresh_token any more (it lasts six months, or until the "
                "account or the app's password changes): authorize the app again"
            )
        case "invalid_client":
            return RefusedCredential("Spotify does not accept client_id and client_secret")
        case _:
            return RefusedCredential(
                "Spotify refuses to refresh the access token with client_id, client_secret and "
                "refresh_token"
            )


def _json(response: Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if response.ok:
        raise TransientError("accounts.spotify.com answers with something that is no JSON object.")
    return {}
