"""What the pods of one Job tell: how the last one ended, or why it does not start."""

from collections.abc import Mapping, Sequence
from typing import Any

from spark_operator.model import fields
from spark_operator.model.record import record

# Waiting reasons of kubelet (pkg/kubelet/images and pkg/kubelet/container) that mend themselves only
# if somebody acts.
_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
    }
)
_START_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
)


@record(frozen=True, slots=True)
class PodReport:
    """``exit_code`` is None where no container ended; the messages are hostile input."""

    found: bool = False
    exit_code: int | None = None
    termination_message: str = ""
    terminated_reason: str = ""
    pod_reason: str = ""
    pod_message: str = ""
    image_problem: str = ""
    start_problem: str = ""
    unschedulable: str = ""
    waiting: str = ""


NO_POD = PodReport()


def _describe(waiting: Mapping[str, Any]) -> str:
    reason = fields.text(waiting.get("reason"))
    message = fields.text(waiting.get("message"))
    return f"{reason}: {message}" if message else reason


def _parse_one(pod: Mapping[str, Any]) -> PodReport:
    status = fields.mapping(pod.get("status"))
    container = fields.mapping(next(iter(fields.items(status.get("containerStatuses"))), {}))
    state = fields.mapping(container.get("state"))
    terminated = fields.mapping(state.get("terminated"))
    waiting = fields.mapping(state.get("waiting"))
    waiting_reason = fields.text(waiting.get("reason"))
    phase = fields.text(status.get("phase"))
    unschedulable = next(
        (
            fields.text(c.get("message")) or "Unschedulable"
            for c in map(fields.mapping, fields.items(status.get("conditions")))
            if c.get("type") == "PodScheduled" and c.get("status") == "False"
        ),
        "",
    )
    return PodReport(
        found=True,
        exit_code=fields.optional_integer(terminated.get("exitCode")),
        termination_message=fields.text(terminated.get("message")),
        terminated_reason=fields.text(terminated.get("reason")),
        pod_reason=fields.text(status.get("reason")),
        pod_message=fields.text(status.get("message")),
        image_problem=_describe(waiting) if waiting_reason in _IMAGE_REASONS else "",
        start_problem=_describe(waiting) if waiting_reason in _START_REASONS else "",
        unschedulable=unschedulable,
        # Before kubelet says a word, the phase is all that there is.
        waiting=waiting_reason or ("Pending" if not state and phase == "Pending" else ""),
    )


def parse(pods: Sequence[Mapping[str, Any]]) -> PodReport:
    """The report of the newest pod: a drained node leaves an older one behind, replaced by the Job."""
    if not pods:
        return NO_POD
    newest = max(
        pods,
        key=lambda pod: fields.text(fields.mapping(pod.get("metadata")).get("creationTimestamp")),
    )
    return _parse_one(newest)
