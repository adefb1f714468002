"""Refresh tokens that change when they are used: what an author sees of it.

    with context.rotation(credentials) as rotation:
        answer = session.post(url, data={"refresh_token": rotation.current("refresh_token"), ...})
        answer.raise_for_status()
        rotation.save(refresh_token=answer.json()["refresh_token"])

Save at once and before the new access token is used: until then the only valid token is in the memory
of a process that may be killed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self


class Rotation(Protocol):
    """A context manager around one renewal."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def current(self, key: str) -> str | None:
        """The value to renew with, as it is in the Secret now: the mounted one may be older."""
        ...

    def save(self, **values: str) -> None:
        """Keep the new values. Raises `TransientError` where that failed."""
        ...


def text(credentials: Any, key: str) -> str | None:
    """The value of a field of the plugin's Credentials."""
    value = getattr(credentials, key, None)
    return None if value is None else str(value.get_secret_value())


class Unsaved:
    """A rotation whose new values live as long as this process; `changed` is told of each of them."""

    def __init__(self, credentials: Any, changed: Callable[[str, str], None]) -> None:
        self._credentials = credentials
        self._changed = changed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def current(self, key: str) -> str | None:
        return text(self._credentials, key)

    def save(self, **values: str) -> None:
        for key, value in values.items():
            if value != self.current(key):
                self._changed(key, value)


def unsaved(credentials: Any) -> Rotation:
    """What `context.rotation` is outside a pod."""
    return Unsaved(credentials, lambda _key, _value: None)
