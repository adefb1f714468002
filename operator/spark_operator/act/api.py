"""Requests to the API server over one aiohttp session, with the few errors that callers tell apart."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from spark_operator.act.fence import Fenced, Guard, fenced_by

__all__ = ["Api", "ApiError", "Fenced", "Guard", "NoAnswer"]

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_PAGE_SIZE = 500
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ApiError(Exception):
    """The API server answered with an error: ``status`` is HTTP's, ``reason`` and ``message`` its own."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def temporary(self) -> bool:
        """Overload and internal errors: the same request may succeed later."""
        return self.status == 429 or self.status >= 500


class NoAnswer(Exception):
    """No answer came. The server may have carried the request out: only a read tells."""


class Api:
    """``may_write`` is asked before each write: a process that lost the lead changes nothing.

    ``session`` gives answers that do not nest too deep for the parser (``serve.responses``).
    """

    def __init__(self, session: aiohttp.ClientSession, server: str, may_write: Guard) -> None:
        self._session = session
        self._server = server.rstrip("/")
        self._may_write = may_write

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        headers = {"Accept": accept}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body)
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=params,
                data=data,
                headers=headers,
                timeout=_TIMEOUT,
            ) as response:
                payload = await response.read()
                if response.status < 400:
                    return dict(json.loads(payload))
                raise _error(response, payload)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise NoAnswer(f"{type(failure).__name__}: {failure}") from failure
        except asyncio.CancelledError:
            # When kopf ends, it cancels every task younger than itself, among them the helpers of a
            # connection that we wait for. That is a cut connection, not an order to us to stop.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise NoAnswer("the connection was cancelled") from None

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Raises ApiError, NoAnswer."""
        return await self._request("GET", path, params=params)

    async def pages(
        self, path: str, params: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> AsyncIterator[dict[str, Any]]:
        """The pages of a list. Raises ApiError (410 where the list took too long), NoAnswer."""
        query = {"limit": str(_PAGE_SIZE), **(params or {})}
        while True:
            page = await self._request("GET", path, params=query, accept=accept)
            yield page
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            query["continue"] = token

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        fenced: bool = True,
    ) -> dict[str, Any]:
        """Raises Fenced without sending anything, ApiError, NoAnswer."""
        if not fenced:
            return await self._request(method, path, body=body, content_type=content_type)
        with fenced_by(self._may_write):
            return await self._request(method, path, body=body, content_type=content_type)


def _error(response: aiohttp.ClientResponse, payload: bytes) -> ApiError:
    try:
        status = json.loads(payload)
    except ValueError:
        status = {}
    if not isinstance(status, dict):
        status = {}
    retry_after = response.headers.get("Retry-After", "")
    return ApiError(
        response.status,
        str(status.get("reason") or response.reason or ""),
        str(status.get("message") or "no message"),
        float(retry_after) if retry_after.isdecimal() else None,
    )
