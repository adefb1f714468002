"""Asking the Web API: lists to their end, and never the token to another host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from spark_plugins import oauth
from spark_plugins.contract import Context
from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import show
from spark_plugins.rotation import Unsaved

if TYPE_CHECKING:
    from spark_plugins.spotify import Spotify

ACCOUNTS_URL = "https://accounts.spotify.com"
API_URL = "https://api.spotify.com/v1"

PAGE_SIZE = 50
# 50 000 records: a bound against an answer that leads on for ever, far above any library.
MAX_PAGES = 1000
# How often a list is read again that shrinks while it is read.
WALKS = 3

_NOT_SAVED = (
    "Spotify has given out a new refresh token, which is not saved: if the next fetch is refused, "
    "authorize the app again and put the new token into the Secret."
)

Json = dict[str, Any]


class WebApi:
    """GET requests with the account's token."""

    def __init__(self, credentials: Spotify.Credentials, context: Context) -> None:
        self._session = context.session(only=[API_URL])
        # The client's secret goes to the accounts service, and the token to the other host.
        self._session.auth = oauth.refresh_token(
            context,
            token_url=f"{ACCOUNTS_URL}/api/token",
            client_id=credentials.client_id.get_secret_value(),
            client_secret=credentials.client_secret.get_secret_value(),
            client_auth="basic",
            refresh_token=credentials.refresh_token.get_secret_value(),
            rotation=lambda: Unsaved(credentials, lambda _key, _token: context.warn(_NOT_SAVED)),
        )

    def get(self, path: str, *, scope: str, **params: str | int) -> Json:
        """The object at a path, or at a complete address that an answer has named.

        Raises `requests.HTTPError` for an error status, `PermanentError` where `scope` lacks.
        """
        response = self._session.get(
            path if "://" in path else f"{API_URL}/{path}",
            params=params,
            headers={"Accept": "application/json"},
        )
        if response.status_code == 403 and "scope" in response.text[:2000].lower():
            raise PermanentError(
                f"The refresh token does not allow the scope {scope}: authorize the app again with "
                "it, and put the new token into the Secret.",
                reason="InvalidCredentials",
            )
        response.raise_for_status()
        if response.status_code == 204:
            # In a private session: nothing is shown, and nothing is wrong.
            return {"items": [], "total": 0}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TransientError(f"{show(response.url)} answers with no JSON object.")
        return answer

    def pages(self, path: str, *, scope: str, **params: str | int) -> Iterator[Json]:
        """The pages of a list. By `next`, never by counting: a page may be shorter than asked."""
        page = self.get(path, scope=scope, limit=PAGE_SIZE, **params)
        met: set[str] = set()
        while True:
            if not isinstance(page.get("items"), list):
                raise TransientError(f"Spotify's answer for {path} holds no list of items.")
            yield page
            following = page.get("next")
            if not following:
                return
            if not isinstance(following, str) or following in met or len(met) >= MAX_PAGES:
                raise PermanentError(f"Spotify's pages of {path} lead in a circle or never end.")
            met.add(following)
            page = self.get(following, scope=scope)

    def whole(
        self, path: str, *, scope: str, enough: Callable[[list[Any]], bool] = lambda _: False
    ) -> tuple[list[Any], int]:
        """The items of a list down to a page that is `enough`, and how many it says it has.

        A list that shrinks meanwhile is read anew: what stood behind the removed item has moved
        up to a page that was read before.
        """
        for _ in range(WALKS):
            items: list[Any] = []
            total: int | None = None
            for page in self.pages(path, scope=scope):
                said = page.get("total")
                if not isinstance(said, int):
                    raise TransientError(f"Spotify does not say how many items {path} has.")
                if total is not None and said < total:
                    break
                total = said
                items += page["items"]
                if enough(page["items"]):
                    return items, total
            else:
                return items, total or 0
        raise TransientError(f"The list {path} changed each time while it was read.")
