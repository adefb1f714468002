"""Reading what the operator handed over: the document and the time that is left."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from spark_plugins.errors import PermanentError

VARIABLE = "SPARK_INTEGRATION"
CREATED_AT = "JOB_CREATED_AT"

MODES = ("fetch", "check", "reset", "backfill")

# Kept back from the Job's deadline, at which Kubernetes deletes the pod with its message and logs.
RESERVE_SECONDS = 10

Dataset = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,47}$")]


class _Part(BaseModel):
    # Unknown fields pass: a newer operator may say more than this image understands.
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class CredentialKey(_Part):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$")]
    required: bool = False


class CredentialsPart(_Part):
    secret_name: str | None = None
    keys: list[CredentialKey] = []
    write_back_account: str | None = None


class DestinationPart(_Part):
    """`type` is any text here, so that an unknown one gets a message of its own."""

    type: str
    dataset: Dataset
    secret_name: str | None = None
    claim_name: str | None = None
    bucket_url: str | None = None


class Document(_Part):
    """The document of docs/contract.md."""

    version: Literal[1]
    uid: str = ""
    namespace: str
    name: str
    run: int = 0
    attempt: int = 1
    mode: str = "fetch"
    since: dt.datetime | None = None
    request: str | None = None
    service: str
    config: dict[str, Any] = {}
    credentials: CredentialsPart | None = None
    destination: DestinationPart
    egress_hosts: list[str] = []
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)]

    @property
    def owner(self) -> str:
        """`namespace/name`, as `_spark_owner` holds it."""
        return f"{self.namespace}/{self.name}"

    @property
    def public_words(self) -> list[str]:
        """Names that whoever reads the Integration knows, and messages and commands speak of."""
        return [
            self.namespace,
            self.name,
            self.service,
            self.destination.dataset,
            *filter(
                None,
                (
                    self.credentials.secret_name if self.credentials else None,
                    self.destination.secret_name,
                    self.destination.claim_name,
                ),
            ),
        ]

    @property
    def force_command(self) -> str:
        """What a user types to try the same again after mending what the operator cannot see."""
        return (
            f"kubectl annotate integration {self.name} -n {self.namespace} "
            # Annotations stay: without it, the mode of some earlier request would be asked for again.
            f"spark-integrations.dev/requestedMode={self.mode} "
            "spark-integrations.dev/requestedAt=$(date +%s) --overwrite"
        )


def parse(text: str) -> Document:
    """The document of the variable; raises `PermanentError` for anything else."""
    try:
        document = Document.model_validate_json(text)
    except ValidationError as error:
        raise PermanentError(
            f"This image does not understand what the operator handed over ({fields(error)}): "
            "operator and image may be of different versions.",
            reason="InvalidConfig",
        ) from None
    if document.mode not in MODES:
        raise PermanentError(
            f'This image does not know the mode "{document.mode[:32]}".', reason="InvalidConfig"
        )
    return document


def fields(error: ValidationError) -> str:
    """The fields of a validation error with what is wrong, without any input value."""
    shown = [
        f"{'.'.join(str(step) for step in item['loc']) or 'document'}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "; ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def budget_seconds(timeout_seconds: int, created_at: str | None, now: dt.datetime) -> float:
    """Seconds this process may run, so that it ends before Kubernetes ends it.

    The time since the Job's creation counts only where it is believable: a node's clock may be
    off by hours, and must not make a fetch end before it began.
    """
    elapsed = 0.0
    if created_at:
        try:
            created = dt.datetime.fromisoformat(created_at)
            if created.tzinfo is not None:
                elapsed = (now - created).total_seconds()
        except ValueError:
            pass
    if not 0 <= elapsed <= timeout_seconds - 30:
        elapsed = 0.0
    return max(1.0, timeout_seconds - RESERVE_SECONDS - elapsed)
