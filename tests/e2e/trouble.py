"""A service that is no help at first: what a path is asked for first is answered as its name says.

    GET  /drips-NAME/orders     a space a second for ten minutes, so that no read ever times out
    GET  /swells-NAME/orders    a page that is small on the wire and huge in memory
    GET  /plain-NAME/orders     one order, which is also what the others answer from the second time on

Runs in a pod, from a ConfigMap, with the standard library alone; its log tells what was asked.
"""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

lock = Lock()
asked: set[str] = set()


class Trouble(BaseHTTPRequestHandler):
    """One request. Without a length, the body ends with the connection."""

    def do_GET(self) -> None:
        with lock:
            first = self.path not in asked
            asked.add(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if first and self.path.startswith("/drips"):
            for _ in range(600):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(1)
        elif first and self.path.startswith("/swells"):
            # Under the 32 MiB that a fetch takes of one page.
            self.wfile.write(b"[" + b"{}," * 10_000_000 + b"{}]")
        else:
            self.wfile.write(b'[{"id": 1}]')


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Trouble).serve_forever()
