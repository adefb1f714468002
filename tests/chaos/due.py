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
REQUESTED_MODE = "spark-integrations.dev/requestedMode"
RESET_AT = "spark-integrations.dev/resetAt"


@dataclass(frozen=True)
class Slot:
    """``due``: seconds since 1970. ``floor``: what even a request must wait for."""

    due: float
    floor: float
    attempt: int
    trigger: str
    mode: str = "fetch"

    @property
    def at(self) -> float:
        return max(self.due, self.floor)


def seconds(text: str | None) -> float | None:
    """An RFC 3339 time as seconds since 1970."""
    return None if text is None else datetime.fromisoformat(text).timestamp()


def running(body: dict[str, Any]) -> bool:
    run = (body.get("status") or {}).get("run")
    return run is not None and run["outcome"] == "Running"


def latest_fetch(status: dict[str, Any]) -> dict[str, Any]:
    """The latest run that is no check: what a check leaves in its place."""
    run: dict[str, Any] = status.get("run") or {}
    return status.get("lastFetch") or {} if run.get("mode") == "check" else run


def slot(body: dict[str, Any], now: float) -> Slot | None:
    """The next slot of an Integration; None while it runs, is suspended or being deleted.

    ``now``: the clock by which stored times are judged. What other objects say is not asked here.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    run = latest_fetch(status)
    if metadata.get("deletionTimestamp") or spec.get("suspend") or running(body):
        return None

    def past(text: str | None) -> float | None:
        moment = seconds(text)
        return None if moment is None or moment > now + FUTURE_SECONDS else moment

    # Of a run whose end is unknown, its start is the best that is known.
    ended = past(run.get("finishedAt")) or past(run.get("startedAt"))
    floor = float("-inf")
    for last in (run, status.get("run") or {}):
        over = past(last.get("finishedAt")) or past(last.get("startedAt"))
        if last.get("outcome") != "Failed" or over is None:
            continue
        if last["errorClass"] == "rateLimited":
            floor = max(floor, over + last.get("retryAfterSeconds", 0))
        elif last["errorClass"] == "lost":
            floor = max(floor, over + LOST_GRACE_SECONDS)
    annotations = metadata.get("annotations", {})
    token = annotations.get(REQUESTED_AT)
    if token is not None and token != status.get("lastHandledRequest"):
        mode = annotations.get(REQUESTED_MODE, "fetch")
        return Slot(float("-inf"), floor, 1, "Requested", mode)
    every = 60.0 * spec["updateFrequencyMinutes"]
    mode = run.get("mode", "fetch")
    # An unanswered reset counts as well: the claim itself answers it.
    reset = annotations.get(RESET_AT) not in (None, status.get("lastHandledReset"))
    if run.get("outcome") != "Failed" or run.get("failureCleared") or reset:
        last = past(status.get("lastSuccessfulUpdateAt"))
        due = past(metadata["creationTimestamp"]) if last is None else last + every
        return Slot(due if due is not None else float("-inf"), floor, 1, "Scheduled")
    if ended is None or run.get("generation") != metadata["generation"]:
        return Slot(ended if ended is not None else float("-inf"), floor, 1, "Scheduled", mode)
    delays = spec.get("retryDelaysSeconds", DEFAULT_RETRY_DELAYS)
    if run["errorClass"] != "permanent" and run["attempt"] <= len(delays):
        return Slot(ended + delays[run["attempt"] - 1], floor, run["attempt"] + 1, "Retry", mode)
    pause = min(every * 2.0 ** (status["consecutiveFailures"] - 1), DAY_SECONDS)
    return Slot(ended + max(every, pause), floor, 1, "Scheduled")
