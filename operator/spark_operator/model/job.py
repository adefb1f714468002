"""A Job of ours, as small as the deciding needs it: thousands of these are held in memory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spark_operator.model import fields, names, timestamps
from spark_operator.model.record import record


@record(frozen=True, slots=True)
class Job:
    """``owner_uid`` is the controlling Integration's, empty where another kind controls it;
    ``run_number`` is a label, so a hint, never a proof."""

    uid: str
    namespace: str
    name: str
    resource_version: int
    owner_uid: str
    run_number: int
    created_at: datetime | None
    deadline_seconds: int | None = None
    succeeded: bool = False
    failed: bool = False
    failure_reason: str = ""
    failure_message: str = ""
    completed_at: datetime | None = None
    ready: bool = False
    deleting: bool = False

    @property
    def finished(self) -> bool:
        return self.succeeded or self.failed


def _controller_uid(metadata: Mapping[str, Any]) -> str:
    for owner in fields.items(metadata.get("ownerReferences")):
        reference = fields.mapping(owner)
        if reference.get("controller") is True:
            group = fields.text(reference.get("apiVersion")).partition("/")[0]
            ours = group == names.GROUP and reference.get("kind") == "Integration"
            return fields.text(reference.get("uid")) if ours else ""
    return ""


def _deadline(value: object) -> int | None:
    seconds = fields.optional_integer(value)
    return None if seconds is None else max(1, min(seconds, 86_400))


def parse(body: Mapping[str, Any]) -> Job:
    metadata = fields.mapping(body.get("metadata"))
    status = fields.mapping(body.get("status"))
    true = {
        fields.text(c.get("type")): c
        for c in map(fields.mapping, fields.items(status.get("conditions")))
        if c.get("status") == "True"
    }
    complete, failed = true.get("Complete"), true.get("Failed")
    end: Mapping[str, Any] = complete or failed or {}
    run_number = fields.text(fields.mapping(metadata.get("labels")).get(names.LABEL_RUN))
    return Job(
        uid=fields.text(metadata.get("uid")),
        namespace=fields.text(metadata.get("namespace")),
        name=fields.text(metadata.get("name")),
        resource_version=fields.resource_version(metadata),
        owner_uid=_controller_uid(metadata),
        run_number=int(run_number) if run_number.isdecimal() and len(run_number) < 16 else 0,
        created_at=timestamps.parse(metadata.get("creationTimestamp")),
        deadline_seconds=_deadline(fields.mapping(body.get("spec")).get("activeDeadlineSeconds")),
        succeeded=complete is not None,
        failed=failed is not None and complete is None,
        failure_reason=fields.text(end.get("reason")) if failed else "",
        failure_message=fields.text(end.get("message")) if failed else "",
        completed_at=timestamps.parse(status.get("completionTime"))
        or timestamps.parse(end.get("lastTransitionTime")),
        ready=fields.integer(status.get("ready")) > 0,
        deleting=metadata.get("deletionTimestamp") is not None,
    )
