"""The Scheduler: what the administrator sets for the whole installation."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from spark_operator.model import destination as destinations
from spark_operator.model import fields
from spark_operator.model.destination import Destination
from spark_operator.model.record import record

DEFAULT_MAX_CONCURRENT_FETCHES = 50
DEFAULT_DESTINATION = Destination(destinations.DUCKDB)


@record(frozen=True, slots=True)
class PodTemplate:
    """What every fetch pod gets besides what the operator insists upon."""

    resources: Mapping[str, Any] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    priority_class_name: str | None = None
    image_pull_secrets: tuple[Mapping[str, Any], ...] = ()


@record(frozen=True, slots=True)
class Scheduler:
    uid: str
    namespace: str
    name: str
    resource_version: int
    suspend: bool = False
    max_concurrent_fetches: int = DEFAULT_MAX_CONCURRENT_FETCHES
    destination: Destination = DEFAULT_DESTINATION
    history_succeeded: int = 1
    history_failed: int = 3
    pod_template: PodTemplate = PodTemplate()
    reported_services: frozenset[str] = frozenset()


def _pod_template(value: object) -> PodTemplate:
    template = fields.mapping(value)
    return PodTemplate(
        resources=fields.mapping(template.get("resources")),
        node_selector=fields.mapping(template.get("nodeSelector")),
        tolerations=tuple(fields.mapping(t) for t in fields.items(template.get("tolerations"))),
        labels=fields.mapping(template.get("labels")),
        priority_class_name=fields.optional_text(template.get("priorityClassName")),
        image_pull_secrets=tuple(
            fields.mapping(s) for s in fields.items(template.get("imagePullSecrets"))
        ),
    )


def parse(body: Mapping[str, Any]) -> Scheduler:
    metadata = fields.mapping(body.get("metadata"))
    spec = fields.mapping(body.get("spec"))
    history = fields.mapping(spec.get("history"))
    return Scheduler(
        uid=fields.text(metadata.get("uid")),
        namespace=fields.text(metadata.get("namespace")),
        name=fields.text(metadata.get("name")),
        resource_version=fields.resource_version(metadata),
        suspend=spec.get("suspend") is True,
        max_concurrent_fetches=fields.integer(
            spec.get("maxConcurrentFetches"), DEFAULT_MAX_CONCURRENT_FETCHES
        ),
        destination=destinations.parse(spec.get("destination")) or DEFAULT_DESTINATION,
        history_succeeded=max(0, fields.integer(history.get("succeeded"), 1)),
        history_failed=max(0, fields.integer(history.get("failed"), 3)),
        pod_template=_pod_template(spec.get("podTemplate")),
        reported_services=frozenset(
            fields.mapping(fields.mapping(body.get("status")).get("byService"))
        ),
    )
