"""A PostgreSQL cluster on loopback, run by an unprivileged user, as it refuses root."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2


@dataclass
class Server:
    port: int
    password: str
    user: str = "postgres"

    def connect(self, database: str = "postgres"):
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=self.user,
            password=self.password,
        )
        connection.autocommit = True
        return connection

    def rows(self, sql: str) -> list:
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def binaries() -> Path | None:
    """The folder of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def running(base: Path, tools: Path) -> Iterator[Server]:
    """A server in a folder of its own, for as long as the block lasts."""
    data = base / "data"
    data.mkdir()
    password = secrets.token_hex(12)
    (base / "password").write_text(password)
    account = None
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in (base, data, base / "password"):
            os.chown(path, account.pw_uid, account.pw_gid)
        # A temporary folder is for its own user alone.
        for parent in [base, *base.parents][:4]:
            if parent.stat().st_uid == 0 and str(parent) != "/tmp":
                parent.chmod(0o711)
    options = (
        {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    )
    initialise = [tools / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256"]
    initialise += ["-E", "UTF8", "--locale=C", "--no-sync", f"--pwfile={base / 'password'}"]
    subprocess.run(initialise, check=True, capture_output=True, cwd=base, **options)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [tools / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-F"]
    serve += ["-c", "unix_socket_directories=", "-c", "shared_buffers=16MB"]
    process = subprocess.Popen(
        serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=base, **options
    )
    try:
        server = Server(port, password)
        for _ in range(200):
            # The wait, as long as there is one.
            ready = [tools / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            subprocess.run(ready, check=False, capture_output=True)
            try:
                server.connect().close()
                break
            except psycopg2.OperationalError:
                # It accepts no connection yet.
                continue
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(base, ignore_errors=True)
