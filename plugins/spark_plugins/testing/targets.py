"""The destinations of the kit, and how their rows are read: not by the code that wrote them."""

from __future__ import annotations

import secrets
import tempfile
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


@dataclass(frozen=True)
class Files:
    """Parquet files on a claim."""

    name: str = "files"
    locks: bool = True

    def destination(self, dataset: str) -> dict[str, Any]:
        return {"type": "filesystem", "claimName": "data", "dataset": dataset}

    def secret(self) -> Mapping[str, str]:
        return {}

    def rows(self, data: Path, dataset: str, table: str, columns: str = "*") -> list[Any]:
        file = data / dataset / f"{table}.parquet"
        return _rows_of_parquet(file, columns) if file.exists() else []


@dataclass(frozen=True)
class Bucket:
    """Parquet files in a bucket; read with boto3, which the kit's user installs."""

    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    name: str = "s3"
    # A bucket has no lock: of two fetches the second to write is refused.
    locks: bool = False

    def destination(self, dataset: str) -> dict[str, Any]:
        return {
            "type": "filesystem",
            "bucketUrl": f"s3://{self.bucket}/conformance",
            "secretName": "bucket",
            "dataset": dataset,
        }

    def secret(self) -> Mapping[str, str]:
        return {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        }

    def rows(self, data: Path, dataset: str, table: str, columns: str = "*") -> list[Any]:  # noqa: ARG002
        import boto3
        import botocore.exceptions

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )
        key = f"conformance/{dataset}/{table}.parquet"
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            try:
                client.download_fileobj(self.bucket, key, file)
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                    return []
                raise
            file.flush()
            return _rows_of_parquet(Path(file.name), columns)


def _rows_of_parquet(file: Path, columns: str) -> list[Any]:
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {columns} FROM read_parquet(?)",  # noqa: S608
            [str(file)],
        ).fetchall()
