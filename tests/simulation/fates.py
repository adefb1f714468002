"""How a Job will end, thrown when it is made, and what must be recorded of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from spark_operator.model.pod import NO_POD, PodReport
from spark_operator.model.status import ErrorClass, Reason

_NEVER = 1e9
_STARTING = PodReport(found=True)


@dataclass(slots=True)
class Fate:
    """``seconds`` None: it never ends by itself. ``error_class`` None: it succeeds.

    ``error_class``, ``rows``, ``retry_after`` and ``reason`` are what the record must say, in the
    words of the contract with the runner and not of the operator's code.
    """

    seconds: float | None = 30.0
    error_class: ErrorClass | None = None
    rows: int | None = None
    retry_after: int | None = None
    reason: Reason | None = None
    pod: PodReport = NO_POD
    pod_meanwhile: PodReport = _STARTING
    ready_after: float = 0.0
    failure_reason: str = ""
    rejected: bool = False
    deleted_by_hand: bool = False

    @property
    def never_starts(self) -> bool:
        return self.ready_after == _NEVER

    @property
    def succeeds(self) -> bool:
        return self.error_class is None and not self.deleted_by_hand


def _exit(code: int, **told: object) -> PodReport:
    return PodReport(found=True, exit_code=code, termination_message=json.dumps(told))


_SUCCESSES = [_exit(0, rows=rows) for rows in range(50)]
_DOWN = _exit(1, message="The host is down.")
_TIMED_OUT = _exit(12, message="Stopped in page 7.", rows=3)
_BAD_TOKEN = _exit(10, message="The token is not valid.", reason="InvalidCredentials")
_BAD_CONFIG = _exit(10, message="There is no such account.", reason="InvalidConfig")
_NO_REASON = _exit(10, message="The dataset is another's.")
_UNREADABLE = PodReport(found=True, exit_code=10, termination_message="Segmentation fault")
_NO_IMAGE = PodReport(found=True, image_problem="ErrImagePull: not found")
_NO_NODE = PodReport(found=True, unschedulable="0/3 nodes are available")
_OOM = PodReport(found=True, exit_code=137, terminated_reason="OOMKilled")
_EVICTED = PodReport(found=True, pod_reason="Evicted", pod_message="low on memory")

# Weights of the ways to fail; a daily Integration meets each of them within the year.
_FAILURES = {
    "transient": 30,
    "timeout": 8,
    "rateLimited": 14,
    "permanent": 8,
    "unreadable": 4,
    "oom": 4,
    "evicted": 4,
    "pod gone": 4,
    "deadline": 6,
    "no image": 4,
    "no node": 4,
    "deleted by hand": 6,
    "never ends": 3,
    "rejected": 6,
}
_KINDS, _WEIGHTS = list(_FAILURES), list(_FAILURES.values())


def throw(random: Random, *, failing: bool, timeout: int) -> Fate:
    """A fate; ``timeout`` is the deadline of the Job."""
    seconds = 4.0 + 60.0 * random.random()
    if not failing:
        rows = int(50 * random.random())
        ready_after = 2.5 if rows % 8 == 0 else 0.0
        return Fate(seconds, None, rows, pod=_SUCCESSES[rows], ready_after=ready_after)
    kind = random.choices(_KINDS, _WEIGHTS)[0]
    match kind:
        case "timeout":
            return Fate(timeout - 10.0, ErrorClass.TIMEOUT, rows=3, pod=_TIMED_OUT)
        case "rateLimited":
            asked = random.choice([None, 1, 45, 3600, 50_000, 300_000])
            told = _exit(11, message="Too many requests.", retryAfterSeconds=asked)
            limit = None if asked is None else min(asked, 24 * 3600)
            return Fate(seconds, ErrorClass.RATE_LIMITED, retry_after=limit, pod=told)
        case "permanent":
            pod, reason = random.choice(
                [
                    (_BAD_TOKEN, Reason.INVALID_CREDENTIALS),
                    (_BAD_CONFIG, Reason.INVALID_CONFIG),
                    (_NO_REASON, Reason.FAILED),
                ]
            )
            return Fate(seconds, ErrorClass.PERMANENT, reason=reason, pod=pod)
        case "unreadable":
            return Fate(seconds, ErrorClass.TRANSIENT, pod=_UNREADABLE)
        case "oom":
            return Fate(seconds, ErrorClass.OOM_KILLED, pod=_OOM)
        case "evicted":
            return Fate(seconds, ErrorClass.EVICTED, pod=_EVICTED)
        case "pod gone":
            return Fate(seconds, ErrorClass.TRANSIENT)
        case "deadline":
            return Fate(float(timeout), ErrorClass.TIMEOUT, failure_reason="DeadlineExceeded")
        case "no image":
            return _never_starts(ErrorClass.IMAGE_PULL_FAILED, _NO_IMAGE, timeout)
        case "no node":
            return _never_starts(ErrorClass.UNSCHEDULABLE, _NO_NODE, timeout)
        case "deleted by hand":
            return Fate(seconds, ErrorClass.LOST, deleted_by_hand=True)
        case "never ends":
            return Fate(None, ErrorClass.LOST)
        case "rejected":
            return Fate(rejected=True)
    return Fate(seconds, ErrorClass.TRANSIENT, pod=_DOWN)


def _never_starts(error_class: ErrorClass, meanwhile: PodReport, timeout: int) -> Fate:
    return Fate(
        float(timeout),
        error_class,
        pod_meanwhile=meanwhile,
        ready_after=_NEVER,
        failure_reason="DeadlineExceeded",
    )
