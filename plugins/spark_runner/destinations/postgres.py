"""PostgreSQL: one schema an Integration."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from spark_plugins.errors import PermanentError, TransientError
from spark_runner import ownership
from spark_runner.destinations.secret import DestinationSecret
from spark_runner.document import DestinationPart
from spark_runner.paths import Paths

CONNECT_SECONDS = 10
# The authorities of a large provider fill hundreds of kilobytes; a whole Secret holds 1 MiB.
MAX_AUTHORITIES_BYTES = 1024 * 1024
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")


@dataclass(frozen=True)
class Postgres:
    """See `Destination`; `password` is left out of its representation."""

    host: str
    port: int
    dbname: str
    username: str
    password: str = field(repr=False)
    sslmode: str
    dataset: str
    authorities: Path | None = None
    """Certificates in PEM, of those who may vouch for the server; the public ones where it is None."""
    loader_file_format: Literal["csv"] = "csv"

    @classmethod
    def of(cls, part: DestinationPart, paths: Paths, namespace: str) -> Postgres:
        secret = DestinationSecret(
            paths.destination,
            part.secret_name or "",
            namespace,
            "the destination PostgreSQL needs host, dbname, username and password, and may have port, "
            "sslmode and sslrootcert",
        )
        host = secret.need("host").strip()
        if not _is_host(host):
            # A path would be a socket of this pod, a comma several hosts.
            raise secret.wrong("host", "one host name or address")
        port = (secret.read("port") or "5432").strip()
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
            raise secret.wrong("port", "a number from 1 to 65535")
        authorities = secret.read("sslrootcert", MAX_AUTHORITIES_BYTES)
        if authorities is not None and not _has_certificates(authorities):
            raise secret.wrong(
                "sslrootcert", "certificates in PEM, from -----BEGIN CERTIFICATE----- on"
            )
        # Who says by whom the server is vouched for means that to be checked.
        usual = "verify-full" if authorities else "prefer"
        sslmode = (secret.read("sslmode") or usual).strip()
        if sslmode not in SSL_MODES:
            raise secret.wrong("sslmode", "one of " + ", ".join(SSL_MODES))
        dbname = secret.need("dbname").strip()
        if "=" in dbname or "://" in dbname or "/" in dbname:
            # libpq would read it as a whole connection string.
            raise secret.wrong("dbname", "the name of a database")
        if part.dataset.startswith("pg_") or part.dataset == "information_schema":
            raise PermanentError(
                f'The dataset cannot be called "{part.dataset}": PostgreSQL keeps such names for '
                "itself.",
                reason="InvalidConfig",
            )
        return cls(
            host=host,
            port=int(port),
            dbname=dbname,
            username=secret.need("username"),
            password=secret.need("password"),
            sslmode=sslmode,
            dataset=part.dataset,
            authorities=paths.destination / "sslrootcert" if authorities else None,
        )

    def secrets(self) -> list[str]:
        # The server's refusals repeat the user's name. Where it is also the host's or the database's,
        # to mask it would hide which server is meant, and hide nothing else.
        shown = f"{self.host} {self.dbname}"
        return [self.password] if self.username in shown else [self.password, self.username]

    @contextmanager
    def locked(self, owner: str) -> Iterator[Callable[[], None]]:
        import psycopg2

        _forget_environment()
        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.username,
            password=self.password,
            connect_timeout=CONNECT_SECONDS,
            application_name="spark-fetch lock",
            **self._tls(),
        )
        try:
            connection.autocommit = True

            def query(sql: str, values: Sequence[Any]) -> list[Any]:
                with connection.cursor() as cursor:
                    cursor.execute(sql, values)
                    return cursor.fetchall() if cursor.description else []

            # The lock lasts as long as this session. A node that vanishes says no goodbye, and
            # its lock would stay for hours; a session that only waits may be thought idle.
            query(
                "SELECT set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '30'), "
                "('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), "
                "('idle_session_timeout', '0')) AS wanted(name, value) "
                "WHERE name IN (SELECT name FROM pg_settings)",
                (),
            )
            if not query("SELECT pg_try_advisory_lock(%s)", (self._lock_key(),))[0][0]:
                raise TransientError(
                    f'Another fetch is writing to the dataset "{self.dataset}": one at a time.'
                )
            self._claim(query, owner)

            def still() -> None:
                # If the session broke, the lock went with it, and another fetch may have begun.
                query("SELECT 1", ())

            yield still
        finally:
            connection.close()

    def _claim(self, query: ownership.Query, owner: str) -> None:
        # CREATE SCHEMA IF NOT EXISTS asks for the right to create even where it exists: an
        # account that was given one schema and no more could never pass.
        if not query("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self.dataset,)):
            query(f'CREATE SCHEMA "{self.dataset}"', ())
        names = [
            row[0]
            for row in query(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
                (self.dataset,),
            )
        ]
        if names and ownership.TABLE not in names:
            raise ownership.foreign(self.dataset)
        ownership.claim(
            query,
            table=f'"{self.dataset}"."{ownership.TABLE}"',
            tables=len(names),
            placeholder="%s",
            owner=owner,
            dataset=self.dataset,
        )

    def _lock_key(self) -> int:
        digest = hashlib.sha256(f"spark-integrations/{self.dataset}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def _tls(self) -> dict[str, str]:
        settings = {"sslmode": self.sslmode}
        if self.authorities:
            settings["sslrootcert"] = str(self.authorities)
        elif self.sslmode.startswith("verify-"):
            import certifi

            # libpq knows no store of its own: without a file it looks into a home that we lack.
            settings["sslrootcert"] = certifi.where()
        return settings

    def factory(self) -> Any:
        import dlt
        from dlt.destinations.impl.postgres.configuration import PostgresCredentials

        _forget_environment()
        credentials = PostgresCredentials()
        credentials.host = f"[{self.host}]" if ":" in self.host else self.host
        credentials.port = self.port
        credentials.database = self.dbname
        credentials.username = self.username
        credentials.password = self.password
        credentials.connect_timeout = CONNECT_SECONDS
        credentials.query = {**self._tls(), "application_name": "spark-fetch"}
        # dlt 1.31 does not say so of itself: without it a merge is one transaction only as long as its
        # statements are sent as one.
        return dlt.destinations.postgres(credentials=credentials, supports_transactions=True)

    def publish(self) -> None:
        """The records are in the schema already."""


def _has_certificates(text: str) -> bool:
    try:
        return bool(ssl.create_default_context(cadata=text).get_ca_certs(binary_form=True))
    except (ssl.SSLError, ValueError):
        return False


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST.fullmatch(text) is not None
    return True


def _forget_environment() -> None:
    """libpq takes what it is not told from PG*: a service file, a password file, another host."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    # Neither is a file in a home to be found by its usual name.
    os.environ["PGPASSFILE"] = os.environ["PGSERVICEFILE"] = os.devnull
