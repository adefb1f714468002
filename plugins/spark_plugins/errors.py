"""What a plugin raises when it knows better than its exception what went wrong.

The class decides whether and when the operator tries again; the text is one sentence for the user
who owns the Integration. Never put a credential into it.
"""

from __future__ import annotations

from typing import Literal

Reason = Literal["InvalidCredentials", "InvalidConfig", "Failed"]

MAX_RETRY_AFTER_SECONDS = 86_400


class PluginError(Exception):
    """The base of the errors below; `str()` is the sentence for the user."""


class TransientError(PluginError):
    """It may work next time: tried again by the Integration's ladder of delays."""


class PermanentError(PluginError):
    """It will not work before somebody changes something: not tried again in this cycle."""

    def __init__(self, message: str, *, reason: Reason = "Failed") -> None:
        super().__init__(message)
        self.reason: Reason = reason


class MissingCredential(PermanentError):
    """A key that the config makes necessary is not in the Secret.

    The plugin knows the key alone; the runner adds the Secret's name and how to mend it.
    """

    def __init__(self, key: str, why: str = "") -> None:
        super().__init__(f'the credential "{key}" is missing', reason="InvalidCredentials")
        self.key = key
        self.why = why


class RateLimited(PluginError):
    """The service asks to wait: not tried again before `retry_after_seconds` (0 to 86400)."""

    def __init__(self, retry_after_seconds: float, message: str = "") -> None:
        seconds = min(max(int(retry_after_seconds), 0), MAX_RETRY_AFTER_SECONDS)
        super().__init__(message or f"The service asks to wait for {seconds} s.")
        self.retry_after_seconds = seconds
