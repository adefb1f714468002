"""DuckDB: one file an Integration.

The tables are in the schema `main`, not in one named like the dataset: in a file `x.duckdb` the
name `x.items` would be ambiguous between the catalog and a schema `x`, for dlt and for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spark_plugins.errors import PermanentError
from spark_runner import ownership
from spark_runner.destinations import file_lock
from spark_runner.document import DestinationPart
from spark_runner.paths import Paths

SCHEMA = "main"
# Catalogs and schemas that every DuckDB has.
RESERVED = frozenset(("main", "memory", "system", "temp", "information_schema", "pg_catalog"))


@dataclass(frozen=True)
class DuckDb:
    """See `Destination`."""

    file: Path
    temporary: Path
    loader_file_format: Literal["jsonl"] = "jsonl"
    dataset: str = SCHEMA

    @classmethod
    def of(cls, part: DestinationPart, paths: Paths) -> DuckDb:
        if part.dataset in RESERVED:
            raise PermanentError(
                f'The dataset cannot be called "{part.dataset}": DuckDB has that already.',
                reason="InvalidConfig",
            )
        return cls(file=paths.data / f"{part.dataset}.duckdb", temporary=paths.temporary)

    def secrets(self) -> list[str]:
        return []

    @contextmanager
    def locked(self, owner: str) -> Iterator[Callable[[], None]]:
        with file_lock.held(self.file.with_name(f".{self.file.name}.lock"), self.file.name):
            self._claim(owner)
            yield lambda: None

    def _claim(self, owner: str) -> None:
        import duckdb

        with duckdb.connect(str(self.file), config=settings(self.temporary)) as connection:

            def query(sql: str, values: Sequence[Any]) -> list[Any]:
                result = connection.execute(sql, list(values))
                return result.fetchall() if result.description else []

            names = [
                row[0]
                for row in query(
                    "SELECT table_name FROM information_schema.tables "
                    "WHERE table_catalog = current_database()",
                    (),
                )
            ]
            if names and ownership.TABLE not in names:
                raise ownership.foreign(self.file.stem)
            connection.begin()
            ownership.claim(
                query,
                table=f"{SCHEMA}.{ownership.TABLE}",
                tables=len(names),
                placeholder="?",
                owner=owner,
                dataset=self.file.stem,
            )
            connection.commit()

    def factory(self) -> Any:
        import dlt
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

        return dlt.destinations.duckdb(
            credentials=DuckDbCredentials(str(self.file), global_config=settings(self.temporary)),
            # dlt 1.31 does not say so of itself: without it a merge deletes and inserts in two, and
            # a kill in between leaves the older versions of records deleted until the next fetch.
            supports_transactions=True,
        )

    def publish(self) -> None:
        """The records are in the file already."""


def settings(temporary: Path) -> dict[str, Any]:
    """How DuckDB runs in a pod: on its own, and within its memory."""
    return {
        # Nothing is fetched from the network but by the plugin.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "home_directory": str(temporary),
        "temp_directory": str(temporary / "duckdb"),
        # By default four fifths of the memory and every core of the node.
        "memory_limit": "256MB",
        "threads": 1,
        "preserve_insertion_order": False,
    }
