"""A proxy before the real API server that injects one fault exactly where a test wants it.

The operator under test talks plain HTTP to it and knows nothing of it. Everything it forwards is the
real server's; what it adds are the answers that a network and an overloaded server really give.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "content-encoding"}
_ERRORS = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass(frozen=True)
class Call:
    """One request of the operator: ``number`` counts from 1 in the order of arrival."""

    number: int
    method: str
    path: str
    query: str
    body: bytes

    @property
    def watch(self) -> bool:
        return "watch=true" in self.query

    @property
    def lease(self) -> bool:
        return "/leases" in self.path

    def __str__(self) -> str:
        return f"{self.number}. {self.method} {self.path}"


@dataclass
class Fault:
    """What happens to the next ``times`` calls that match.

    ``before`` and ``after`` are called around the forwarding, in the proxy's thread: with them a test
    kills the process at that very moment. ``answer`` replaces the server's answer without asking it;
    ``drop`` lets the server carry the request out and loses the answer; ``delay_seconds`` holds it.
    """

    matches: Callable[[Call], bool]
    times: int = 1
    before: Callable[[Call], None] | None = None
    after: Callable[[Call], None] | None = None
    answer: int | None = None
    retry_after: int | None = None
    drop: bool = False
    delay_seconds: float = 0.0
    met: list[Call] = field(default_factory=list)

    def takes(self, call: Call) -> bool:
        if len(self.met) >= self.times or not self.matches(call):
            return False
        self.met.append(call)
        return True


def request(method: str, path: str) -> Callable[[Call], bool]:
    """Matches by method and by a regular expression searched in the path."""
    pattern = re.compile(path)
    return lambda call: call.method == method and pattern.search(call.path) is not None


CLAIM_OR_RECORD = request("PATCH", "/integrations/[^/]+/status$")
CREATE_JOB = request("POST", "/jobs$")
READ_PODS = request("GET", "/pods$")
WATCH: Callable[[Call], bool] = lambda call: call.watch  # noqa: E731
LEASE: Callable[[Call], bool] = lambda call: call.lease  # noqa: E731


class Proxy:
    """Serves in a thread of its own until ``stop``. ``kubeconfig`` is for the operator under test."""

    def __init__(self, upstream: str | Path, folder: Path) -> None:
        config = yaml.safe_load(Path(upstream).read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = cluster["server"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        self._tls = ssl.create_default_context(cadata=authority)
        self._authorization = f"Bearer {user['token']}"
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._started = threading.Event()
        self._count = 0
        self._watches: set[asyncio.Task[Any]] = set()
        self._silent = asyncio.Event()
        self._away = False
        self.calls: list[Call] = []
        self.answers: list[tuple[Call, int]] = []
        self.faults: list[Fault] = []
        self.port = 0

    # --- for the test

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "proxy.kubeconfig"

    def start(self) -> Proxy:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the proxy did not start")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "proxy", "user": {"token": "the-proxy-has-the-real-one"}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        }
        self.kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def add(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        self.faults.clear()
        self.back()

    def cut_watches(self) -> None:
        """End every watch, as a restarted load balancer does."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._watches])

    def silence_watches(self) -> None:
        """From now on the watches that go on deliver nothing, and do not end either."""
        self._loop.call_soon_threadsafe(self._silent.set)

    def away(self) -> None:
        """Refuse every request and end every watch: the server is gone."""
        self._away = True
        self.cut_watches()

    def back(self) -> None:
        self._away = False
        self._loop.call_soon_threadsafe(self._silent.clear)

    # --- in the thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _open(self) -> None:
        self._connector = aiohttp.TCPConnector(limit=0, ssl=self._tls)
        self._session = aiohttp.ClientSession(connector=self._connector, auto_decompress=False)
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._started.set()

    async def _close(self) -> None:
        for task in list(self._watches):
            task.cancel()
        await self._runner.cleanup()
        rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._connector.close(abort_ssl=True)
        await self._session.close()
        # What was cut just now ends its TLS in the background, and nothing can be waited for.
        await asyncio.sleep(0.1)

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        self._count += 1
        call = Call(
            self._count,
            incoming.method,
            incoming.path,
            incoming.query_string,
            await incoming.read(),
        )
        self.calls.append(call)
        if self._away:
            return self._hang_up(incoming)
        try:
            return await self._answer(incoming, call)
        except aiohttp.ClientError:
            # The server behind is away or ended in the middle of its answer. So does this one.
            return self._hang_up(incoming)

    async def _answer(self, incoming: web.Request, call: Call) -> web.StreamResponse:
        fault = next((f for f in self.faults if f.takes(call)), None)
        if fault is None:
            return await self._forward(incoming, call)
        if fault.before is not None:
            fault.before(call)
        await asyncio.sleep(fault.delay_seconds)
        if fault.answer is not None:
            return _error(fault.answer, fault.retry_after)
        response = await self._forward(incoming, call)
        if fault.after is not None:
            fault.after(call)
        return self._hang_up(incoming) if fault.drop else response

    def _hang_up(self, incoming: web.Request) -> web.Response:
        if incoming.transport is not None:
            incoming.transport.abort()
        return web.Response(status=502)

    async def _forward(self, incoming: web.Request, call: Call) -> web.StreamResponse:
        headers = {k: v for k, v in incoming.headers.items() if k.lower() not in _HOP_BY_HOP}
        headers["Authorization"] = self._authorization
        url = f"{self._server}{incoming.rel_url}"
        async with self._session.request(
            call.method,
            url,
            data=call.body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            self.answers.append((call, answer.status))
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            if "content-encoding" in {k.lower() for k in answer.headers}:
                kept["Content-Encoding"] = answer.headers["Content-Encoding"]
            if not call.watch:
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(incoming)
            await self._stream(answer, response)
            return response

    async def _stream(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        task = asyncio.ensure_future(self._copy(answer, response))
        self._watches.add(task)
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                task.cancel()
                raise
        finally:
            self._watches.discard(task)
            if answer.connection is not None and answer.connection.transport is not None:
                # A polite end of TLS waits for the server, and would outlast this loop.
                answer.connection.transport.abort()

    async def _copy(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        async for chunk in answer.content.iter_any():
            if self._silent.is_set():
                await asyncio.Event().wait()
            await response.write(chunk)


def _error(code: int, retry_after: int | None) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": _ERRORS[code],
        "message": "injected by the test",
        "code": code,
    }
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
    return web.json_response(body, status=code, headers=headers)
