"""A scripted HTTP service on loopback, for the tests of plugins.

with Service() as service:
    service.on("/items", lambda request: json_answer([{"id": 1}]))
    ... config {"baseUrl": service.url} ...
    assert service.requests[0].header("Authorization") == "Bearer …"
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What the service was asked; `query` holds the last value of each parameter."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """The header by its name in any case."""
        return self.headers.get(name.lower())


@dataclass(frozen=True)
class Answer:
    """What the service says. A `body` that is an iterator is sent piece by piece, with no length;
    `hang` keeps the connection open without an answer until the service ends."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


Handler = Callable[[Request], Answer]


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    """JSON; an underscore in the name of a header stands for a hyphen."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that was killed is no error of the service, and would fill the log of the test.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Service:
    """A context manager; `requests` holds all that was asked, in order. `tls`: by https, with the
    certificate of that context."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._handlers: dict[str, Handler] = {}
        self._otherwise: Handler | None = None
        self._asked = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server((host, 0), self._handler_class())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls is not None else "http"
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}"

    def on(self, path: str, handler: Handler | Answer) -> None:
        """Answer requests for a path; what is not scripted is a 404."""
        self._handlers[path] = handler if callable(handler) else lambda _request: handler

    def otherwise(self, handler: Handler | Answer) -> None:
        """Answer every request for a path without a handler of its own."""
        self._otherwise = handler if callable(handler) else lambda _request: handler

    def wait_for(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many requests have arrived; raises TimeoutError."""
        with self._asked:
            if not self._asked.wait_for(lambda: len(self.requests) >= count, seconds):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")

    def __enter__(self) -> Service:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: Request) -> Answer:
        with self._asked:
            self.requests.append(request)
            self._asked.notify_all()
        handler = self._handlers.get(request.path, self._otherwise)
        return handler(request) if handler else Answer(404, b"not here")

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                # Header and body are two writes: without this each answer waits for 40 ms.
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length", 0))
                answer = service._answer(
                    Request(
                        self.command,
                        parts.path,
                        dict(parse_qsl(parts.query, keep_blank_values=True)),
                        {name.lower(): text for name, text in self.headers.items()},
                        self.rfile.read(length),
                    )
                )
                with suppress(ConnectionError):
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                if answer.hang:
                    service._closing.wait()
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                if "Date" not in answer.headers:
                    # Once: with two of them a client has no time of the service at all.
                    self.send_header("Date", self.date_time_string())
                for name, text in answer.headers.items():
                    self.send_header(name, text)
                if isinstance(answer.body, bytes):
                    if "Content-Length" not in answer.headers:
                        self.send_header("Content-Length", str(len(answer.body)))
                    else:
                        self.close_connection = True
                    self.end_headers()
                    self.wfile.write(answer.body)
                    return
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for piece in answer.body:
                    self.wfile.write(piece)

            do_GET = do_POST = do_HEAD = do_PATCH = _serve  # noqa: N815
            do_PROPFIND = do_REPORT = _serve  # noqa: N815  (what CalDAV asks with)

            def log_message(self, *_: Any) -> None:
                pass

        return _Handler
