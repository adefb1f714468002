"""The Integration: what a user asks for, and what was recorded about it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from spark_operator.model import destination as destinations
from spark_operator.model import fields, names, timestamps
from spark_operator.model import status as statuses
from spark_operator.model.destination import Destination
from spark_operator.model.record import record
from spark_operator.model.status import Status

DEFAULT_TIMEOUT_SECONDS = 300
DEFAULT_RETRY_DELAYS_SECONDS = (60, 300, 600)


@record(frozen=True, slots=True)
class Spec:
    """``update_frequency_minutes`` is None where the Plugin's default is meant."""

    service: str
    update_frequency_minutes: int | None = None
    suspend: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    credentials_secret_name: str | None = None
    destination: Destination | None = None
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    retry_delays_seconds: tuple[int, ...] = DEFAULT_RETRY_DELAYS_SECONDS
    credentials_write_back: bool = False


@record(frozen=True, slots=True)
class Integration:
    """``resource_version`` orders the states of one object and is the fence of each status write."""

    uid: str
    namespace: str
    name: str
    generation: int
    resource_version: int
    created_at: datetime | None
    deleting: bool
    requested_at: str | None
    spec: Spec
    status: Status
    requested_mode: str | None = None
    requested_since: str | None = None
    reset_at: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    def with_status(self, status: Status) -> "Integration":
        """The same object with another status: spelt out, as each record of an outcome needs it."""
        return Integration(
            uid=self.uid,
            namespace=self.namespace,
            name=self.name,
            generation=self.generation,
            resource_version=self.resource_version,
            created_at=self.created_at,
            deleting=self.deleting,
            requested_at=self.requested_at,
            spec=self.spec,
            status=status,
            requested_mode=self.requested_mode,
            requested_since=self.requested_since,
            reset_at=self.reset_at,
        )


def _delays(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        return DEFAULT_RETRY_DELAYS_SECONDS
    return tuple(max(1, min(fields.integer(delay, 60), 86_400)) for delay in value[:10])


def _parse_spec(value: object) -> Spec:
    spec = fields.mapping(value)
    return Spec(
        service=fields.text(spec.get("service")),
        update_frequency_minutes=fields.minutes(spec.get("updateFrequencyMinutes")),
        suspend=spec.get("suspend") is True,
        config=fields.mapping(spec.get("config")),
        credentials_secret_name=fields.optional_text(spec.get("credentialsSecretName")),
        destination=destinations.parse(spec.get("destination")),
        timeout_seconds=max(
            30, min(fields.integer(spec.get("timeoutSeconds"), DEFAULT_TIMEOUT_SECONDS), 3600)
        ),
        retry_delays_seconds=_delays(spec.get("retryDelaysSeconds")),
        credentials_write_back=spec.get("credentialsWriteBack") is True,
    )


def parse(body: Mapping[str, Any]) -> Integration:
    metadata = fields.mapping(body.get("metadata"))
    annotations = fields.mapping(metadata.get("annotations"))

    def annotation(name: str) -> str | None:
        value = annotations.get(name)
        return value if isinstance(value, str) else None

    return Integration(
        uid=fields.text(metadata.get("uid")),
        namespace=fields.text(metadata.get("namespace")),
        name=fields.text(metadata.get("name")),
        generation=fields.integer(metadata.get("generation"), 1),
        resource_version=fields.resource_version(metadata),
        created_at=timestamps.parse(metadata.get("creationTimestamp")),
        deleting=metadata.get("deletionTimestamp") is not None,
        requested_at=annotation(names.REQUESTED_AT),
        requested_mode=annotation(names.REQUESTED_MODE),
        requested_since=annotation(names.REQUESTED_SINCE),
        reset_at=annotation(names.RESET_AT),
        spec=_parse_spec(body.get("spec")),
        status=statuses.parse(body.get("status")),
    )
