"""Parquet files, one a table, on a claim or in a bucket.

dlt's own destination of that name would append: a record that changed would be there twice. Here
records are merged in a database of this fetch alone, in /tmp: the files are read into it, dlt
merges, and each table that changed is written back as one file that replaces the old one whole. So
a reader needs no rule: a file holds every record once, in its newest version.

If we die in between, some files are newer than others. Those of the records are written first and
the one with the cursors last, so what follows is fetched again and merged into what is there.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from spark_plugins.errors import PermanentError
from spark_runner import ownership
from spark_runner.destinations import duckdb as duckdb_file
from spark_runner.destinations.secret import DestinationSecret
from spark_runner.destinations.signature import Keys
from spark_runner.destinations.store import Store
from spark_runner.document import DestinationPart
from spark_runner.paths import Paths

OWNER = "_spark_owner.json"
SUFFIX = ".parquet"
DEFAULT_REGION = "us-east-1"

# No segment begins with a dot, so none leads upwards; file:// and the rest are refused with it.
_BUCKET_URL = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"
    r"(?P<prefix>(?:/[A-Za-z0-9_=-][A-Za-z0-9_=.-]*)*)/?"
)
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_TABLE = re.compile(r"[a-z_][a-z0-9_]*")
# The last of them makes the rest count: while it is old, everything is fetched again.
_LAST = ("_dlt_version", "_dlt_loads", "_dlt_pipeline_state")


@dataclass
class Filesystem:
    """See `Destination`."""

    store: Store
    name: str
    temporary: Path
    hidden: list[str] = field(default_factory=list, repr=False)
    loader_file_format: Literal["jsonl"] = "jsonl"
    dataset: str = duckdb_file.SCHEMA
    _folder: Path = field(init=False, repr=False)
    _versions: dict[str, str] = field(init=False, repr=False)
    _seen: dict[str, Any] = field(init=False, repr=False)

    @classmethod
    def of(cls, part: DestinationPart, paths: Paths, namespace: str) -> Filesystem:
        if part.bucket_url is None:
            from spark_runner.destinations.volume import Volume

            return cls(Volume(paths.data / part.dataset), part.dataset, paths.temporary)
        from spark_runner.destinations.bucket import Bucket

        url = _BUCKET_URL.fullmatch(part.bucket_url)
        if url is None:
            raise PermanentError(
                "spec.destination.bucketUrl must be s3://BUCKET or s3://BUCKET/FOLDER, and names "
                "no file and no other service.",
                reason="InvalidConfig",
            )
        secret = part.secret_name or ""
        keys, endpoint, region = _secret(paths, secret, namespace)
        bucket = Bucket(
            endpoint=endpoint,
            region=region,
            bucket=url["bucket"],
            prefix=f"{url['prefix']}/{part.dataset}".lstrip("/"),
            keys=keys,
            secret=secret,
        )
        hidden = [keys.secret_access_key, *filter(None, [keys.session_token])]
        return cls(bucket, part.dataset, paths.temporary, hidden)

    def secrets(self) -> list[str]:
        return self.hidden

    @contextmanager
    def locked(self, owner: str) -> Iterator[Callable[[], None]]:
        with (
            tempfile.TemporaryDirectory(
                prefix="files-", dir=self.temporary, ignore_cleanup_errors=True
            ) as folder,
            self.store.locked(),
        ):
            self._folder = Path(folder)
            self._versions = dict(self.store.files())
            self._claim(owner)
            with self._connected() as connection:
                for table in self._tables_stored():
                    self._read(connection, table)
                self._seen = _look(connection)
            yield lambda: None

    def factory(self) -> Any:
        import dlt
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

        return dlt.destinations.duckdb(
            credentials=DuckDbCredentials(
                str(self._database), global_config=duckdb_file.settings(self.temporary)
            )
        )

    def publish(self) -> None:
        with self._connected() as connection:
            now = _look(connection)
            tables = sorted(set(now) - set(_LAST)) + [name for name in _LAST if name in now]
            for table in tables:
                # Without a load id nobody can tell what changed.
                unchanged = now[table] == self._seen.get(table) and now[table].load_id is not None
                if not unchanged or f"{table}{SUFFIX}" not in self._versions:
                    self._write(connection, table, now[table].columns)

    @property
    def _database(self) -> Path:
        return self._folder / "work.duckdb"

    def _connected(self) -> Any:
        import duckdb

        return duckdb.connect(str(self._database), config=duckdb_file.settings(self.temporary))

    def _claim(self, owner: str) -> None:
        local = self._folder / OWNER
        if OWNER not in self._versions:
            if any(name.endswith(SUFFIX) for name in self._versions):
                raise ownership.foreign(self.name)
            local.write_text(json.dumps({"owner": owner}) + "\n", encoding="utf-8")
            self._versions[OWNER] = self.store.put(OWNER, local, None)
            return
        self.store.get(OWNER, local)
        try:
            found = json.loads(local.read_bytes())["owner"]
        except (ValueError, KeyError, TypeError):
            raise PermanentError(
                f'The file {OWNER} of the dataset "{self.name}" does not name an owner: choose '
                "another spec.destination.dataset.",
                reason="InvalidConfig",
            ) from None
        if found != owner:
            raise ownership.of_another(self.name, str(found), f"remove its {OWNER}")

    def _tables_stored(self) -> list[str]:
        tables = [name.removesuffix(SUFFIX) for name in self._versions if name.endswith(SUFFIX)]
        return sorted(table for table in tables if _TABLE.fullmatch(table))

    def _read(self, connection: Any, table: str) -> None:
        import duckdb

        local = self._folder / f"{table}{SUFFIX}"
        self.store.get(local.name, local)
        try:
            connection.execute(
                f'CREATE TABLE main."{table}" AS SELECT * FROM read_parquet(?)',  # noqa: S608
                [str(local)],
            )
        except (duckdb.InvalidInputException, duckdb.SerializationException) as error:
            raise PermanentError(
                f'The file {local.name} of the dataset "{self.name}" is no Parquet file: it was '
                "changed by somebody else. Restore it, or remove the whole folder to begin anew."
            ) from error
        local.unlink()

    def _write(self, connection: Any, table: str, columns: Mapping[str, str]) -> None:
        local = self._folder / f"{table}{SUFFIX}"
        chosen = ", ".join(
            # Parquet has no integer of that size, and would make it a rounded number.
            f'"{name}"::DECIMAL(38, 0) AS "{name}"' if kind == "HUGEINT" else f'"{name}"'
            for name, kind in columns.items()
        )
        connection.execute(
            f"COPY (SELECT {chosen} FROM main.\"{table}\") TO '{_quoted(local)}' "  # noqa: S608
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)"
        )
        self._versions[local.name] = self.store.put(
            local.name, local, self._versions.get(local.name)
        )
        local.unlink()


@dataclass(frozen=True)
class _State:
    """What tells whether a table changed: a record that is merged carries the newest load id."""

    columns: Mapping[str, str]
    rows: int
    load_id: str | None


def _look(connection: Any) -> dict[str, _State]:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = ? AND table_catalog = current_database() ORDER BY ordinal_position",
        [duckdb_file.SCHEMA],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    states = {}
    for table, columns in found.items():
        newest = 'max("_dlt_load_id")' if "_dlt_load_id" in columns else "NULL"
        rows, load_id = connection.execute(
            f'SELECT count(*), {newest} FROM main."{table}"'  # noqa: S608
        ).fetchone()
        states[table] = _State(columns, rows, load_id)
    return states


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _secret(paths: Paths, secret: str, namespace: str) -> tuple[Keys, str, str]:
    """Keys, endpoint and region of the destination's Secret."""

    wanted = DestinationSecret(
        paths.destination,
        secret,
        namespace,
        "a bucket needs access_key_id and secret_access_key, and may have region, endpoint and "
        "session_token",
    )
    keys = Keys(
        wanted.need("access_key_id").strip(),
        wanted.need("secret_access_key"),
        wanted.read("session_token"),
    )
    for key, value in (
        ("access_key_id", keys.access_key_id),
        ("session_token", keys.session_token or "x"),
    ):
        if not re.fullmatch(r"[\x21-\x7e]+", value):
            # They stand in headers: a line break would begin another one.
            raise wanted.wrong(key, "one word")
    region = (wanted.read("region") or DEFAULT_REGION).strip()
    if not _REGION.fullmatch(region):
        raise wanted.wrong("region", "the name of a region")
    endpoint = (wanted.read("endpoint") or f"https://s3.{region}.amazonaws.com").strip().rstrip("/")
    if not _is_origin(endpoint):
        raise wanted.wrong("endpoint", "https://HOST or http://HOST:PORT, without a path")
    return keys, endpoint.lower(), region


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(host) and plain
