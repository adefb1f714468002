"""The Plugin: what the administrator allows to be fetched, and by which image."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from spark_operator.model import fields
from spark_operator.model.record import record

DEFAULT_FREQUENCY_MINUTES = 15
DEFAULT_MAX_CONCURRENT_FETCHES = 10


@record(frozen=True, slots=True)
class CredentialKey:
    name: str
    required: bool = True


@record(frozen=True, slots=True)
class Plugin:
    """``image`` is None where the installation's runner image is meant."""

    uid: str
    name: str
    resource_version: int
    image: str | None = None
    config_schema: Mapping[str, Any] = field(default_factory=dict)
    credentials: tuple[CredentialKey, ...] = ()
    default_update_frequency_minutes: int = DEFAULT_FREQUENCY_MINUTES
    min_update_frequency_minutes: int = 1
    max_concurrent_fetches: int = DEFAULT_MAX_CONCURRENT_FETCHES
    writes_credentials: bool = False
    egress_hosts: tuple[str, ...] = ()


def _credential(value: object) -> CredentialKey:
    key = fields.mapping(value)
    return CredentialKey(fields.text(key.get("name")), key.get("required") is not False)


def parse(body: Mapping[str, Any]) -> Plugin:
    metadata = fields.mapping(body.get("metadata"))
    spec = fields.mapping(body.get("spec"))
    return Plugin(
        uid=fields.text(metadata.get("uid")),
        name=fields.text(metadata.get("name")),
        resource_version=fields.resource_version(metadata),
        image=fields.optional_text(spec.get("image")),
        config_schema=fields.mapping(spec.get("configSchema")),
        credentials=tuple(_credential(key) for key in fields.items(spec.get("credentials"))),
        default_update_frequency_minutes=(
            fields.minutes(spec.get("defaultUpdateFrequencyMinutes")) or DEFAULT_FREQUENCY_MINUTES
        ),
        min_update_frequency_minutes=fields.minutes(spec.get("minUpdateFrequencyMinutes")) or 1,
        max_concurrent_fetches=fields.integer(
            spec.get("maxConcurrentFetches"), DEFAULT_MAX_CONCURRENT_FETCHES
        ),
        writes_credentials=spec.get("writesCredentials") is True,
        egress_hosts=fields.texts(spec.get("egressHosts")),
    )
