"""A `requests.Session` that cannot hang, cannot fill the memory and keeps credentials at home.

All of it sits in the adapter, since every request passes there: those of the author, those of a
library that was given the session, and each hop of a redirect.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from spark_plugins.errors import PermanentError, TransientError

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MAX_BODY_BYTES = 32 * 1024 * 1024
ATTEMPTS = 2
RETRY_DELAY_SECONDS = 0.5
MAX_REDIRECTS = 5

Origin = tuple[str, str, int]


def origin(url: str) -> Origin:
    """Scheme, host in lower case and port of an absolute URL; raises ValueError for any other."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http or https URL")
    return scheme, parts.hostname.lower(), parts.port or (443 if scheme == "https" else 80)


def show(url: str) -> str:
    """A URL for people: without user, query and fragment, where secrets travel."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _with_upgrade(allowed: Origin) -> set[Origin]:
    """The origin itself, and its https twin where http stands on its usual port."""
    scheme, host, port = allowed
    if scheme == "http" and port == 80:
        return {allowed, ("https", host, 443)}
    return {allowed}


class _Adapter(HTTPAdapter):
    def __init__(self, *, deadline: float, only: Iterable[str], max_body_bytes: int) -> None:
        super().__init__(pool_maxsize=2)
        self._deadline = deadline
        self._only = {twin for url in only for twin in _with_upgrade(origin(url))}
        self._max_body_bytes = max_body_bytes

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002  (a body is always read here, within the bounds)
        timeout: Any = None,  # noqa: ARG002  (the session's bounds hold, not a caller's)
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        self._keep_at_home(request)
        # A repeated POST may do its work twice; the ladder of the operator repeats the fetch.
        attempts = ATTEMPTS if request.method in ("GET", "HEAD") else 1
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = super().send(
                    request,
                    stream=True,
                    timeout=self._timeout(),
                    verify=verify,
                    cert=cert,
                    proxies=proxies,
                )
                self._read(response)
            except requests.exceptions.SSLError:
                raise
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ):
                if last or not self._room_for_delay():
                    raise
            else:
                # With Retry-After the service has named the time: the operator waits, not we.
                fleeting = response.status_code in (500, 502, 503, 504)
                if last or not fleeting or "Retry-After" in response.headers:
                    return response
                if not self._room_for_delay():
                    return response
            time.sleep(RETRY_DELAY_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    def _keep_at_home(self, request: requests.PreparedRequest) -> None:
        if not self._only:
            return
        target = origin(request.url or "")
        if target in self._only:
            return
        home = sorted(self._only)[0]
        if target[1] == home[1]:
            raise PermanentError(
                f"{home[1]} sends on to {target[0]}://{target[1]}:{target[2]}, which is not the "
                f"configured {home[0]}://{home[1]}:{home[2]}: refused, since the credentials "
                "would go along.",
                reason="InvalidConfig",
            )
        raise PermanentError(
            f"{home[1]} sends on to the host {target[1]} by a link or a redirect: refused, since "
            f"the credentials are for {home[1]} alone.",
            reason="InvalidConfig",
        )

    def _remaining(self) -> float:
        return self._deadline - time.monotonic()

    def _room_for_delay(self) -> bool:
        return self._remaining() > RETRY_DELAY_SECONDS + 1.0

    def _timeout(self) -> tuple[float, float]:
        # Not below a second: at the deadline the runner ends the process anyway, and says so.
        left = max(1.0, self._remaining())
        return min(CONNECT_SECONDS, left), min(READ_SECONDS, left)

    def _read(self, response: requests.Response) -> None:
        """Take the body into memory, within the bound: a small gzip may hold gigabytes."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > self._max_body_bytes:
                response.close()
                raise PermanentError(
                    f"The answer of {show(response.url or '')} is larger than "
                    f"{self._max_body_bytes // 1024 // 1024} MiB: ask for smaller pages.",
                    reason="InvalidConfig",
                )
            if time.monotonic() > self._deadline:
                # A server that drips never runs into a read timeout.
                response.close()
                raise TransientError(f"{show(response.url or '')} answers too slowly.")
            chunks.append(chunk)
        response._content = b"".join(chunks)
        response._content_consumed = True  # type: ignore[attr-defined]


class Session(requests.Session):
    """See `Context.session`; `deadline` is a `time.monotonic()` value."""

    def __init__(
        self,
        *,
        deadline: float,
        only: Iterable[str] = (),
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        super().__init__()
        # No .netrc and no proxy by environment: what is sent, and where, stands in the config.
        self.trust_env = False
        self.max_redirects = MAX_REDIRECTS
        adapter = _Adapter(deadline=deadline, only=tuple(only), max_body_bytes=max_body_bytes)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.headers["User-Agent"] = f"spark-integrations/{_version()}"


def _version() -> str:
    try:
        return version("spark-integrations")
    except PackageNotFoundError:
        return "0"
