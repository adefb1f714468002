"""Where a calendar is: its address, how to sign in, and what it says of its version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import requests

from spark_plugins.contract import Context
from spark_plugins.errors import MissingCredential, PermanentError
from spark_plugins.http import origin, show

if TYPE_CHECKING:
    from spark_plugins.ical import Ical


@dataclass(frozen=True)
class Source:
    """`url` may be a secret: `name` is what messages call it."""

    url: str
    name: str
    session: requests.Session


@dataclass(frozen=True)
class Answer:
    """The texts of a calendar's parts, or None if nothing has changed since `versions`.

    `versions` are headers or tokens to show the next time; `name` is the calendar's own.
    """

    texts: list[str] | None
    versions: dict[str, str]
    name: str = ""


def source(config: Ical.Config, credentials: Ical.Credentials, context: Context) -> Source:
    """The source of a config; raises `PermanentError` where address or sign-in are incomplete."""
    secret = credentials.url.get_secret_value().strip() if credentials.url else None
    if (secret is None) == (config.url is None):
        raise PermanentError(
            "The calendar's address belongs into spec.config.url or, if it is a secret, into the "
            'key "url" of the Secret: one of the two.',
            reason="InvalidConfig",
        )
    url = _https(secret or config.url or "")
    try:
        origin(url)
    except ValueError:
        raise PermanentError(
            'The key "url" of the Secret is not an http, https or webcal address.',
            reason="InvalidCredentials",
        ) from None
    if secret is not None:
        # Libraries and redirects repeat parts of it.
        parts = urlsplit(url)
        context.conceal([url, parts.path, *(value for _, value in parse_qsl(parts.query))])
    signs_in = credentials.username is not None or credentials.password is not None
    # A public calendar may move to another host; one with a password takes it nowhere else.
    session = context.session(only=[url] if signs_in else [])
    if signs_in:
        for key in ("username", "password"):
            if getattr(credentials, key) is None:
                raise MissingCredential(key, why="username and password go together")
        assert credentials.username is not None and credentials.password is not None  # noqa: PT018
        session.auth = (
            credentials.username.get_secret_value().encode(),  # type: ignore[assignment]
            credentials.password.get_secret_value().encode(),
        )
    name = "The secret address" if secret is not None else show(url)
    return Source(url=url, name=name, session=session)


def _https(url: str) -> str:
    """webcal is what calendars call https, so that a click opens the right program."""
    return "https" + url[len("webcal") :] if url.lower().startswith("webcal://") else url
