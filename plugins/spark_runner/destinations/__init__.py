"""Where records go: PostgreSQL, a DuckDB file, or Parquet files on a claim or in a bucket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from spark_plugins.errors import PermanentError
from spark_runner.document import Document
from spark_runner.paths import Paths

# dlt's staging dataset beside "x" is "x_staging": as a dataset of its own it would be emptied by
# the fetches of "x".
STAGING_SUFFIX = "_staging"


# Never `insert_values`: 100 000 rows took 5.6 GB and seven times as long.
FileFormat = Literal["csv", "jsonl"]


class Destination(Protocol):
    """What the pipeline needs of a destination."""

    @property
    def loader_file_format(self) -> FileFormat:
        """What dlt writes for this destination."""
        ...

    @property
    def dataset(self) -> str:
        """The schema that dlt fills."""
        ...

    def secrets(self) -> list[str]:
        """Values that must not be seen anywhere."""
        ...

    def locked(self, owner: str) -> AbstractContextManager[Callable[[], None]]:
        """Hold the dataset's lock and own it; gives a function that checks that it still holds.

        Raises `TransientError` if another fetch holds it, `PermanentError` if it is another's.
        """
        ...

    def factory(self) -> Any:
        """dlt's destination, with credentials; within `locked`."""
        ...

    def publish(self) -> None:
        """What is left to do after dlt has loaded everything; within `locked`."""
        ...


def settle(document: Document, paths: Paths) -> Destination:
    """The destination of a document, before anything is connected.

    Raises `PermanentError` for a type that is not known and for a Secret that lacks keys.
    """
    part = document.destination
    if part.dataset.endswith(STAGING_SUFFIX):
        raise PermanentError(
            f'The dataset "{part.dataset}" must not end with {STAGING_SUFFIX}, which is where '
            "records wait on their way into another dataset.",
            reason="InvalidConfig",
        )
    if part.type == "postgres":
        from spark_runner.destinations.postgres import Postgres

        return Postgres.of(part, paths, document.namespace)
    if part.type == "duckdb":
        from spark_runner.destinations.duckdb import DuckDb

        return DuckDb.of(part, paths)
    if part.type == "filesystem":
        from spark_runner.destinations.filesystem import Filesystem

        return Filesystem.of(part, paths, document.namespace)
    raise PermanentError(
        f'This image has no destination of type "{part.type[:32]}"; it has: duckdb, filesystem, postgres.',
        reason="InvalidConfig",
    )
