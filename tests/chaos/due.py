"""When an Integration was due, told from its spec and its recorded status alone.

Written against the design's section 3 and not against the operator: it neither imports its rules nor
reads ``nextUpdateAt``, or a rule that is wrong there would be called right here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A stored time further ahead of the reader's clock was written by a clock that was wrong.
FUTURE_SECONDS = 60
DAY_SECONDS = 86_400
LOST_GRACE_SECONDS = 20
DEFAULT_RETRY_DELAYS = [60, 300, 600]
REQUESTED_AT = "spark-integrations.dev/requestedAt"


@dataclass(frozen=True)
class Slot:
    """``due``: seconds since 1970. ``floor``: what even a request must wait for."""

    due: float
    floor: float
    attempt: int
    trigger: str

    @property
    def at(self) -> float:
        return max(self.due, self.floor)


def seconds(text: str | None) -> float | None:
    """An RFC 3339 time as seconds since 1970."""
    return None if text is None else datetime.fromisoformat(text).timestamp()


def running(body: dict[str, Any]) -> bool:
    run = (body.get("status") or {}).get("run")
    return run is not None and run["outcome"] == "Running"


def slot(body: dict[str, Any], now: float) -> Slot | None:
    """The next slot of an Integration; None while it runs, is suspended or being deleted.

    ``now``: the clock by which stored times are judged. What other objects say is not asked here.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    run: dict[str, Any] = status.get("run") or {}
    if metadata.get("deletionTimestamp") or spec.get("suspend") or running(body):
        return None

    def past(text: str | None) -> float | None:
        moment = seconds(text)
        return None if moment is None or moment > now + FUTURE_SECONDS else moment

    failed = run.get("outcome") == "Failed"
    # Of a run whose end is unknown, its start is the best that is known.
    ended = past(run.get("finishedAt")) or past(run.get("startedAt"))
    floor = float("-inf")
    if failed and ended is not None:
        if run["errorClass"] == "rateLimited":
            floor = ended + run.get("retryAfterSeconds", 0)
        elif run["errorClass"] == "lost":
            floor = ended + LOST_GRACE_SECONDS
    token = metadata.get("annotations", {}).get(REQUESTED_AT)
    if token is not None and token != status.get("lastHandledRequest"):
        return Slot(float("-inf"), floor, 1, "Requested")
    every = 60.0 * spec["updateFrequencyMinutes"]
    if not failed:
        last = past(status.get("lastSuccessfulUpdateAt"))
        due = past(metadata["creationTimestamp"]) if last is None else last + every
        return Slot(due if due is not None else float("-inf"), floor, 1, "Scheduled")
    if ended is None or run.get("generation") != metadata["generation"]:
        return Slot(ended if ended is not None else float("-inf"), floor, 1, "Scheduled")
    delays = spec.get("retryDelaysSeconds", DEFAULT_RETRY_DELAYS)
    if run["errorClass"] != "permanent" and run["attempt"] <= len(delays):
        return Slot(ended + delays[run["attempt"] - 1], floor, run["attempt"] + 1, "Retry")
    pause = min(every * 2.0 ** (status["consecutiveFailures"] - 1), DAY_SECONDS)
    return Slot(ended + max(every, pause), floor, 1, "Scheduled")
