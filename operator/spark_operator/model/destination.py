"""Where the records of a fetch go."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from spark_operator.model import fields, names
from spark_operator.model.record import record

POSTGRES = "postgres"
DUCKDB = "duckdb"
FILESYSTEM = "filesystem"
TYPES = (DUCKDB, POSTGRES, FILESYSTEM)

# What the runner reads of the destination's Secret (docs/contract.md).
_POSTGRES_KEYS = ("host", "port", "dbname", "username", "password", "sslmode", "sslrootcert")
_BUCKET_KEYS = ("access_key_id", "secret_access_key", "region", "endpoint", "session_token")

_DATASET_LENGTH = 48
_HASH_LENGTH = 6


@record(frozen=True, slots=True)
class Destination:
    """One destination; ``dataset`` is None where the default of the Integration is meant."""

    type: str
    secret_name: str | None = None
    claim_name: str | None = None
    bucket_url: str | None = None
    dataset: str | None = None

    @property
    def volume_claim(self) -> str | None:
        """The PersistentVolumeClaim that the pod mounts, or None where it mounts none."""
        on_claim = self.type == DUCKDB or (self.type == FILESYSTEM and not self.bucket_url)
        return (self.claim_name or names.DEFAULT_VOLUME_CLAIM) if on_claim else None

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys of its Secret that the pod mounts; none where it needs no Secret."""
        if self.type == POSTGRES:
            return _POSTGRES_KEYS
        return _BUCKET_KEYS if self.type == FILESYSTEM and self.bucket_url else ()


def parse(value: object) -> Destination | None:
    if not isinstance(value, Mapping):
        return None
    return Destination(
        type=fields.text(value.get("type")),
        secret_name=fields.optional_text(value.get("secretName")),
        claim_name=fields.optional_text(value.get("claimName")),
        bucket_url=fields.optional_text(value.get("bucketUrl")),
        dataset=fields.optional_text(value.get("dataset")),
    )


def default_dataset(namespace: str, name: str) -> str:
    """``<namespace>_<name>_<hash>``, a name that every destination takes.

    The hash is of ``namespace/name``, not of the uid: an Integration that is deleted and applied anew
    goes on with its own data. It also keeps apart names that fold to the same text (a-b and a_b).
    """
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:_HASH_LENGTH]
    folded = re.sub(r"[^a-z0-9_]", "_", f"{namespace}_{name}".lower())
    if folded[0].isdigit():
        folded = "_" + folded
    return f"{folded[: _DATASET_LENGTH - _HASH_LENGTH - 1]}_{digest}"


def document(destination: Destination, *, namespace: str, name: str) -> dict[str, Any]:
    """The destination as the runner reads it (docs/contract.md)."""
    dataset = destination.dataset or default_dataset(namespace, name)
    if destination.type == POSTGRES:
        return {
            "type": POSTGRES,
            "secretName": destination.secret_name,
            "dataset": dataset,
        }
    if destination.type == FILESYSTEM and destination.bucket_url:
        return {
            "type": FILESYSTEM,
            "bucketUrl": destination.bucket_url,
            "secretName": destination.secret_name,
            "dataset": dataset,
        }
    return {"type": destination.type, "claimName": destination.volume_claim, "dataset": dataset}
