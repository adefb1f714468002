"""Run in a pod of the runner's image: how long importing the runner takes, and a fetch to its first request.

Prints a JSON object of lists of seconds. The service is in this process, so nothing but the fetch is measured.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TIMES = 5
arrived = threading.Event()


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        arrived.set()
        body = b'[{"id": 1}]'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def started(document: dict[str, object], number: int) -> tuple[float, float]:
    """Seconds from the start of the process to its first request, and to its end."""
    arrived.clear()
    environment = {**os.environ, "SPARK_INTEGRATION": json.dumps({**document, "run": number})}
    began = time.monotonic()
    process = subprocess.Popen(["spark-fetch"], env=environment, stderr=subprocess.PIPE, text=True)
    if not arrived.wait(30):
        process.kill()
        sys.exit(f"no request came: {process.communicate()[1]}")
    first = time.monotonic() - began
    said = process.communicate()[1]
    if process.returncode != 0:
        sys.exit(f"the fetch ended with {process.returncode}: {said}")
    return first, time.monotonic() - began


def main() -> None:
    """``argv[1]``: the document, with ADDRESS for host and port of the service."""
    host = socket.gethostbyname(socket.gethostname())
    server = HTTPServer((host, 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    document = json.loads(sys.argv[1].replace("ADDRESS", f"{host}:{server.server_port}"))
    found: dict[str, list[float]] = {"import": [], "first request": [], "whole fetch": []}
    for number in range(1, TIMES + 1):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import spark_runner.main"], check=True)
        found["import"].append(time.monotonic() - began)
        first, whole = started(document, number)
        found["first request"].append(first)
        found["whole fetch"].append(whole)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
