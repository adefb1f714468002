"""Scrapes a replica from within the cluster's network, and asks for its health all the while:

    python -m bench.scrape METRICS-PORT HEALTH-PORT TIMES

Writes a line of JSON: the bytes of a scrape, and how long another request waited at most while one went
on, which is the longest turn that a scrape takes from whatever else the replica has to do; and how long
one waits without, on a machine as busy. With 0 for the HEALTH-PORT, the bytes alone.
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


def _longest_wait(health_port: int, over: threading.Event) -> float:
    longest = 0.0
    while not over.wait(0.001):
        began = time.monotonic()
        _get(health_port, "/healthz")
        longest = max(longest, time.monotonic() - began)
    return longest


def main(metrics_port: int, health_port: int, times: int) -> None:
    over, waits = threading.Event(), [0.0]
    asking = threading.Thread(
        target=lambda: waits.append(_longest_wait(health_port, over)), daemon=True
    )
    if health_port:
        asking.start()
    began, size = time.monotonic(), 0
    for _ in range(times):
        size = _get(metrics_port, "/metrics")
    took = time.monotonic() - began
    over.set()
    told = {"bytes": size, "longestWaitSeconds": 0.0, "longestWaitOtherwiseSeconds": 0.0}
    if health_port:
        asking.join()
        told["longestWaitSeconds"] = max(waits)
        at_rest = threading.Event()
        threading.Timer(took, at_rest.set).start()
        told["longestWaitOtherwiseSeconds"] = _longest_wait(health_port, at_rest)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
