"""What the API server was asked, when, and by whom: its audit log, the one clock of all measurements.

A client's own stopwatch would leave out what it waited for before it began. The log is written when a
request ends, by the server that answers everybody, so ours and the peers' times are comparable.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

OPERATOR = "spark-integrations"
BARE = "bench-bare"
CRONJOBS = "cronjob-controller"
ANYBODY = ""


@dataclass(frozen=True, slots=True)
class Request:
    """``began`` and ``ended`` are Unix times. ``resource`` carries the subresource: "pods/status"."""

    began: float
    ended: float
    client: str
    verb: str
    resource: str
    name: str
    code: int

    @property
    def accepted(self) -> bool:
        return self.code < 300


class AuditLog:
    """The log file of one API server, read from marks on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mark(self) -> int:
        """Where the log ends now."""
        return self._path.stat().st_size if self._path.exists() else 0

    def since(self, mark: int) -> list[Request]:
        """What ended since, by the time it began."""
        requests = [r for line in self._lines(mark) if (r := parse(line)) is not None]
        return sorted(requests, key=lambda r: r.began)

    def count(self, mark: int, *needles: str) -> int:
        """How many lines contain all of them: cheap enough to be asked while others are measured."""
        sought = [needle.encode() for needle in needles]
        return sum(all(needle in line for needle in sought) for line in self._lines(mark))

    def _lines(self, mark: int) -> Iterable[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(mark)
            for line in log:
                # The server may be in the middle of writing the last one.
                if line.endswith(b"\n"):
                    yield line

    def wait_quiet(self, *needles: str, quiet_seconds: float, limit_seconds: float) -> None:
        """Until no line with these came for so long. Raises TimeoutError."""
        deadline = time.monotonic() + limit_seconds
        mark, since = self.mark(), time.monotonic()
        while time.monotonic() - since < quiet_seconds:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(needles)} did not end within {limit_seconds:.0f} s")
            time.sleep(0.25)
            if self.count(mark, *needles):
                mark, since = self.mark(), time.monotonic()

    def wait_count(self, mark: int, count: int, *needles: str, limit_seconds: float) -> None:
        """Until so many lines with these came. Raises TimeoutError."""
        deadline = time.monotonic() + limit_seconds
        counted = 0
        while counted < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{counted} of {count} after {limit_seconds:.0f} s: {needles}")
            time.sleep(0.5)
            end = self.mark()
            counted += self.count(mark, *needles)
            mark = end


def parse(line: bytes) -> Request | None:
    """None for what is no finished request: a watch that begins."""
    event: dict[str, Any] = json.loads(line)
    if event.get("stage") != "ResponseComplete":
        return None
    target = event.get("objectRef", {})
    resource, subresource = target.get("resource", ""), target.get("subresource")
    return Request(
        began=seconds(event["requestReceivedTimestamp"]),
        ended=seconds(event["stageTimestamp"]),
        client=event.get("userAgent", ""),
        verb=event["verb"],
        resource=f"{resource}/{subresource}" if subresource else resource,
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
    )


def seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def job_creations(requests: Iterable[Request], client: str) -> list[Request]:
    """The Jobs that this client has made, by the time at which they existed."""
    made = [
        r
        for r in requests
        if r.resource == "jobs" and r.verb == "create" and r.accepted and client in r.client
    ]
    return sorted(made, key=lambda r: r.ended)


def integration_of(job_name: str) -> str:
    """Whose Job it is: names of this benchmark's Integrations have no dash."""
    return job_name.partition("-")[0]


def counted(requests: Iterable[Request], client: str) -> Counter[str]:
    """How often this client asked for what: "patch integrations/status" and so on."""
    return Counter(f"{r.verb} {r.resource}" for r in requests if client in r.client)


WRITES = ("create", "update", "patch", "delete", "deletecollection")
# What a leader does for itself, however many Integrations there are.
UPKEEP = ("leases", "schedulers/status")


def fetch_writes(requests: Iterable[Request], client: str) -> int:
    """Accepted writes that are about Integrations and their Jobs."""
    return sum(
        client in r.client and r.verb in WRITES and r.accepted and r.resource not in UPKEEP
        for r in requests
    )


def pod_reads(requests: Iterable[Request], client: str) -> int:
    return sum(client in r.client and r.resource == "pods" for r in requests)


def idle_requests(requests: Iterable[Request], client: str) -> tuple[int, int]:
    """(what nobody should need at rest, lists): watches, the Lease and the heartbeat do not count.

    A watch that ends is followed by a new one, and with a list in between where its version is too old.
    """
    ours = [r for r in requests if client in r.client]
    lists = sum(r.verb == "list" for r in ours)
    others = sum(r.verb not in ("watch", "list") and r.resource not in UPKEEP for r in ours)
    return others, lists
