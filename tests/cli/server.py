"""A server that keeps what it is asked, for tests of what goes over the wire to an API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request; ``target`` is a whole URL where we are its proxy."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """``body`` is sent as JSON, ``lines`` each as JSON in a line of its own, ``raw`` as it is; ``drop``: no
    answer at all."""

    status: int = 200
    body: Any = None
    lines: Sequence[Any] | None = None
    raw: str | None = None
    drop: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


EMPTY = Answer(body={"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})


class Server:
    """Listens on 127.0.0.1 and gives each request what ``answer`` says."""

    def __init__(self, answer: Callable[[Asked], Answer] = lambda _: EMPTY) -> None:
        self.asked: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, dict(self.headers))
                outer.asked.append(asked)
                given = answer(asked)
                if given.drop:
                    self.close_connection = True
                    return
                lines = [given.body] if given.lines is None else given.lines
                said = given.raw or "".join(f"{json.dumps(line)}\n" for line in lines)
                body = said.encode()
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
