"""Scrapes a replica from within the cluster's network, and asks for its health all the while:

    python -m bench.scrape METRICS-PORT HEALTH-PORT TIMES

With 0 for the HEALTH-PORT only the former. Writes a line of JSON: the bytes of a scrape, and how long another request waited at most while one went
on, which is the longest turn that a scrape takes from whatever else the replica has to do.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        return len(body)
    finally:
        connection.close()


def main(metrics_port: int, health_port: int, times: int) -> None:
    over, waits = threading.Event(), [0.0]

    def ask() -> None:
        while not over.wait(0.001):
            began = time.monotonic()
            _get(health_port, "/healthz")
            waits.append(time.monotonic() - began)

    asking = threading.Thread(target=ask, daemon=True)
    if health_port:
        asking.start()
    size = 0
    for _ in range(times):
        size = _get(metrics_port, "/metrics")
    over.set()
    if health_port:
        asking.join()
    print(json.dumps({"bytes": size, "longestWaitSeconds": max(waits)}))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
