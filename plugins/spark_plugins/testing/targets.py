"""The destinations of the kit, and how their rows are read: not by the code that wrote them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Target(Protocol):
    """One kind of destination."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        ...

    @property
    def locks(self) -> bool:
        """Whether a second fetch is refused while one is under way, not only where they collide."""
        ...

    def destination(self, dataset: str) -> dict[str, Any]:
        """The `destination` of the runner's document."""
        ...

    def secret(self) -> Mapping[str, str]:
        """The keys of the destination's Secret."""
        ...

    def rows(self, data: Path, dataset: str, table: str, columns: str = "*") -> list[Any]:
        """Rows of a table; `data` is the folder of the claim. No table is no rows."""
        ...


def new_dataset() -> str:
    return f"conformance_{secrets.token_hex(5)}"


@dataclass(frozen=True)
class DuckDb:
    """A file on a claim."""

    name: str = "duckdb"
    locks: bool = True

    def destination(self, dataset: str) -> dict[str, Any]:
        return {"type": "duckdb", "claimName": "data", "dataset": dataset}

    def secret(self) -> Mapping[str, str]:
        return {}

    def rows(self, data: Path, dataset: str, table: str, columns: str = "*") -> list[Any]:
        import duckdb

        file = data / f"{dataset}.duckdb"
        if not file.exists():
            return []
        # For writing: a process that was killed may have left a log to be replayed.
        with duckdb.connect(str(file)) as connection:
            try:
                return connection.execute(f'SELECT {columns} FROM main."{table}"').fetchall()  # noqa: S608
            except duckdb.CatalogException:
                return []


@dataclass(frozen=True)
class Postgres:
    """A server; `password` and the rest are those of an account that may make schemas."""

    host: str
    port: int
    dbname: str
    username: str
    password: str
    sslmode: str = "disable"
    name: str = "postgres"
    locks: bool = True

    def destination(self, dataset: str) -> dict[str, Any]:
        return {"type": "postgres", "secretName": "warehouse", "dataset": dataset}

    def secret(self) -> Mapping[str, str]:
        return {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "username": self.username,
            "password": self.password,
            "sslmode": self.sslmode,
        }

    def rows(self, data: Path, dataset: str, table: str, columns: str = "*") -> list[Any]:  # noqa: ARG002
        import psycopg2

        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.username,
            password=self.password,
            sslmode=self.sslmode,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT {columns} FROM "{dataset}"."{table}"')  # noqa: S608
                return list(cursor.fetchall())
        except psycopg2.errors.UndefinedTable:
            return []
        finally:
            connection.close()
