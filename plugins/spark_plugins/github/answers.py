"""What an answer of GitHub or Gitea means beyond its status."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from spark_plugins.errors import PermanentError, RateLimited

# GitHub asks to wait at least so long where it does not say for how long.
SECONDARY_LIMIT_SECONDS = 60

# A clock of whole seconds, and a request on its way.
_SLACK = timedelta(seconds=2)


def explain(repository: str) -> Callable[..., None]:
    """A response hook that goes before the general one, which judges by the status alone."""

    def hook(response: Response, *_args: Any, **_kwargs: Any) -> None:
        status = response.status_code
        if status in (403, 429) and not _says_when(response) and _speaks_of_limit(response):
            # With status 403 it would pass for refused credentials, and nobody would try again.
            raise RateLimited(
                SECONDARY_LIMIT_SECONDS,
                f"The service limits the rate of requests (status {status}) and does not say for "
                "how long.",
            )
        if status == 404:
            raise PermanentError(
                f"{repository} is not there, or the token may not read it, or this part of it is "
                "turned off (status 404): mend repositories or tables in spec.config, or the "
                "token's permissions.",
                reason="InvalidConfig",
            )

    return hook


def _says_when(response: Response) -> bool:
    """Whether the headers tell it; the runner reads those itself."""
    return (
        "Retry-After" in response.headers
        or response.headers.get("X-RateLimit-Remaining", "").strip() == "0"
    )


def _speaks_of_limit(response: Response) -> bool:
    return b"rate limit" in response.content[:4096].lower()


def as_utc(text: Any) -> str | None:
    """A time as GitHub writes it. Gitea writes the zone of its server, and as texts, which is how
    cursors are compared, times of two zones have no order."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Beginning:
    """The moment at which a walk through pages began, by the clock of the service.

    What changes while the pages are read belongs to the next fetch: a record that changed on a page
    already read would be lost, if one that changed after it were on a later page and moved the
    cursor past both.
    """

    def __init__(self) -> None:
        self._moment: datetime | None = None
        self._monotonic = 0.0

    def see(self, response: Response) -> None:
        """Take the time of the first answer; further ones change nothing."""
        if self._monotonic:
            return
        self._monotonic = time.monotonic()
        try:
            self._moment = parsedate_to_datetime(response.headers.get("Date", ""))
        except (TypeError, ValueError):
            self._moment = None

    def left_for_later(self, changed: str | None) -> bool:
        """Whether a record of that time changed after the walk began.

        A time that lies further ahead than the walk has lasted is a clock that is wrong, and not
        a reason to leave a record out.
        """
        if self._moment is None or self._moment.tzinfo is None or changed is None:
            return False
        moment = datetime.fromisoformat(changed)
        lasted = timedelta(seconds=time.monotonic() - self._monotonic)
        return self._moment < moment <= self._moment + lasted + _SLACK
