"""What failed HTTP requests mean for the user."""

from __future__ import annotations

import email.utils
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from spark_plugins.errors import MAX_RETRY_AFTER_SECONDS
from spark_plugins.http import show
from spark_runner.document import Document
from spark_runner.outcome import Exit, Outcome

if TYPE_CHECKING:
    import requests

DEFAULT_RETRY_AFTER_SECONDS = 60


def retry_after_seconds(response: requests.Response, now: float) -> int | None:
    """Whole seconds the service asks to wait, 0 to 86400, or None where it does not say.

    `Retry-After` as seconds or as a date; else the moment that `X-RateLimit-Reset` names where
    nothing is left, as GitHub writes it. `now` is Unix time.
    """
    said = response.headers.get("Retry-After", "").strip()
    seconds: float | None = None
    # The service's own clock where it shows one: ours may be wrong by more than the wait.
    now = _moment(response.headers.get("Date")) or now
    if said.isascii() and said.isdigit():
        # Cut before it becomes a number: a service may send more digits than Python converts.
        seconds = int(said[:9])
    elif said:
        until = _moment(said)
        seconds = until - now if until is not None else None
    elif _nothing_left(response):
        reset = response.headers.get("X-RateLimit-Reset", "").strip()
        if reset.isascii() and reset.isdigit() and len(reset) <= 10:
            seconds = int(reset) - now
    if seconds is None:
        return None
    return min(max(int(seconds + 0.999), 0), MAX_RETRY_AFTER_SECONDS)


def _nothing_left(response: requests.Response) -> bool:
    remaining = response.headers.get("X-RateLimit-Remaining", "").strip()
    return remaining == "0" or (not remaining and response.status_code == 429)


def _moment(text: str | None) -> float | None:
    """A date of HTTP as Unix time."""
    if not text:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def status_outcome(response: requests.Response, document: Document) -> Outcome:
    """The outcome of an answer with an error status."""
    status = response.status_code
    host = urlsplit(response.url).hostname or "the service"
    wait = retry_after_seconds(response, time.time())
    if status == 429 or (status in (403, 503) and wait is not None):
        seconds = DEFAULT_RETRY_AFTER_SECONDS if wait is None else wait
        asks = "does not say for how long" if wait is None else f"asks to wait for {seconds} s"
        return Outcome(
            exit=Exit.RATE_LIMITED,
            message=f"{host} limits the rate of requests (status {status}) and {asks}.",
            retry_after_seconds=seconds,
        )
    if status in (401, 403):
        return Outcome(
            exit=Exit.PERMANENT,
            reason="InvalidCredentials",
            message=_refused(host, status, document),
        )
    if status >= 500 or status in (408, 425):
        return Outcome(
            exit=Exit.TRANSIENT,
            message=f"{host} answers with status {status} ({show(response.url)}).",
        )
    if 300 <= status < 400:
        said = f"{show(response.url)} answers with a redirect (status {status}) that leads nowhere"
    else:
        said = f"{show(response.url)} answers with status {status}"
    return Outcome(
        exit=Exit.PERMANENT,
        reason="InvalidConfig",
        message=f"{said}: the address or the parameters in spec.config may be wrong.",
    )


def _refused(host: str, status: int, document: Document) -> str:
    part = document.credentials
    if part is not None and part.secret_name:
        verb = "does not accept the credentials" if status == 401 else "refuses access"
        return (
            f'{host} {verb} (status {status}): mend Secret "{part.secret_name}" in namespace '
            f"{document.namespace}, then fetch with {document.force_command}"
        )
    return (
        f"{host} wants credentials or refuses access (status {status}): name a Secret in "
        f"spec.credentialsSecretName and the way to sign in in spec.config."
    )


def connection_outcome(error: requests.RequestException) -> Outcome:
    """The outcome of a request without an answer: which host, and why."""
    request = error.request
    url = getattr(request, "url", None) or ""
    host = urlsplit(url).hostname or "the service"
    return Outcome(exit=Exit.TRANSIENT, message=f"{host} cannot be reached: {_cause(error)}.")


def _cause(error: BaseException) -> str:
    import requests

    text = _texts(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate or the encryption is not accepted"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection within the time allowed"
    if isinstance(error, requests.Timeout):
        return "no answer within the time allowed"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    for sign, meaning in (
        ("NameResolutionError", "its name cannot be resolved"),
        ("gaierror", "its name cannot be resolved"),
        ("ConnectionRefusedError", "the connection is refused"),
        ("No route to host", "there is no route to it"),
        ("Network is unreachable", "the network is unreachable"),
        ("IncompleteRead", "the answer broke off"),
        ("ConnectionResetError", "the connection was reset"),
        ("Remote end closed", "the connection was closed without an answer"),
        ("timed out", "no answer within the time allowed"),
    ):
        if sign in text:
            return meaning
    return type(error).__name__


def _texts(error: BaseException | None) -> str:
    """Types and texts of the whole chain, to look for signs in; never shown."""
    parts: list[str] = []
    for _ in range(10):
        if error is None:
            break
        parts.append(f"{type(error).__name__} {error!s}")
        inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        reason = getattr(inner, "reason", None)
        error = (
            reason
            if isinstance(reason, BaseException)
            else inner or error.__cause__ or error.__context__
        )
    return "\n".join(parts)
