"""A PostgreSQL for demonstration and tests, as one more component of the cluster.

It runs in all of the cluster's namespaces, so it ends with the cluster. Pods reach it by a Service
without selector, whose one endpoint is the node's address.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import pwd
import re
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dev import packages
from dev.cluster import Cluster
from dev.cluster import layout as at
from dev.cluster.api import ApiError
from dev.errors import RefusalError
from dev.files import write
from dev.waiting import until

PORT = 5432
DATABASE = ROLE = "warehouse"
SERVICE = "postgres"
DATA = f"{at.POSTGRES_FOLDER}/data"

# initdb refuses root, and reads the password from a file that its user must be able to open.
INITIALISE = """set -eu
cd "$FOLDER"
chown "$OWNER" .
umask 077
printf '%s' "$SUPERUSER_PASSWORD" >secret
chown "$OWNER" secret
trap 'rm -f secret' EXIT
setpriv --reuid="$OWNER" --regid="$GROUP" --clear-groups -- "$BIN/initdb" --pgdata=data \
  --username=postgres --pwfile=secret --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync
echo 'host all all 0.0.0.0/0 scram-sha-256' >>data/pg_hba.conf
"""


@dataclass(frozen=True)
class Database:
    """What a client needs. `host` is right in pods; `address` in the cluster's network at large."""

    host: str
    port: int
    dbname: str
    username: str
    password: str
    address: str
    superuser_password: str

    def keys(self) -> dict[str, str]:
        """The entries of the Secret."""
        return {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "username": self.username,
            "password": self.password,
            "sslmode": "disable",
        }

    def secret(self, name: str) -> dict[str, Any]:
        """The Secret as a manifest."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": self.keys(),
        }


def up(cluster: Cluster, namespace: str = "default", password: str | None = None) -> Database:
    """Run it unless it runs, with a Service in this namespace (besides those of earlier calls)."""
    note = _note(cluster)
    cluster.api()
    if note.exists() and cluster.running("postgres"):
        database = _known(cluster)
        if password not in (None, database.password):
            raise RefusalError("PostgreSQL runs with another password: postgres down, then up")
    else:
        packages.install(packages.POSTGRES)
        down(cluster)
        database = _new(cluster, namespace, password or secrets.token_urlsafe(18))
        write(note, json.dumps(asdict(database)))
    database = replace(database, host=f"{SERVICE}.{namespace}.svc")
    _publish(cluster, namespace)
    return database


def down(cluster: Cluster) -> None:
    """End it and remove its data and its Services; nothing to do is fine."""
    if cluster.pid is None:
        return
    if cluster.layout.component("postgres").exists():
        cluster.forget("postgres")
    # Its folder is a mount and stays; what is in it goes.
    wipe = ["find", at.POSTGRES_FOLDER, "-mindepth", "1", "-delete"]
    # A killed server's children look for their parent at times of their own, and may yet write.
    until(lambda: cluster.exec(wipe, everything=True, check=False).returncode == 0, 20, "wiping")
    _note(cluster).unlink(missing_ok=True)
    for path in sorted((cluster.layout.folder / "postgres-services").glob("*")):
        for collection in _collections(path.name):
            with contextlib.suppress(ApiError):
                cluster.api().text(f"{collection}/{SERVICE}", "DELETE")
        path.unlink()


def psql(cluster: Cluster, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """The command and environment of a psql that is connected as the role of the warehouse."""
    database = _known(cluster)
    environment = {
        **cluster.environment(),
        "PGHOST": database.address,
        "PGPORT": str(database.port),
        "PGDATABASE": database.dbname,
        "PGUSER": database.username,
        "PGPASSWORD": database.password,
    }
    return cluster.command([str(_binaries() / "psql"), *arguments]), environment


def query(cluster: Cluster, statement: str) -> list[list[str]]:
    """Rows of text, for tests."""
    command, environment = psql(cluster, ["-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"])
    result = subprocess.run(
        command, env=environment, input=statement, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise RefusalError(f"psql: {result.stderr.strip()}")
    return [line.split("\t") for line in result.stdout.splitlines()]


def _note(cluster: Cluster) -> Path:
    return cluster.layout.folder / "postgres.json"


def _known(cluster: Cluster) -> Database:
    try:
        return Database(**json.loads(_note(cluster).read_text()))
    except FileNotFoundError:
        raise RefusalError("PostgreSQL is not up: python3 -m dev postgres up") from None


def _binaries() -> Path:
    """The newest of the installed versions."""
    found = [Path(path).parent for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if not found:
        raise RefusalError("PostgreSQL is not installed: apt-get install postgresql")
    return max(found, key=lambda path: [int(x) for x in re.findall(r"\d+", str(path))])


def _user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RefusalError("neither a user postgres nor nobody exists, and PostgreSQL refuses root")


def _new(cluster: Cluster, namespace: str, password: str) -> Database:
    user, binaries = _user(), _binaries()
    superuser_password = secrets.token_urlsafe(18)
    initialised = cluster.exec(
        ["sh", "-c", INITIALISE],
        everything=True,
        check=False,
        env={
            "FOLDER": at.POSTGRES_FOLDER,
            "OWNER": str(user.pw_uid),
            "GROUP": str(user.pw_gid),
            "BIN": str(binaries),
            "SUPERUSER_PASSWORD": superuser_password,
        },
    )
    if initialised.returncode != 0:
        raise RefusalError(f"initdb failed: {initialised.stderr.strip()}")
    settings = {
        "listen_addresses": f"127.0.0.1,{at.NODE_ADDRESS}",
        "port": str(PORT),
        "unix_socket_directories": at.POSTGRES_FOLDER,
        "password_encryption": "scram-sha-256",
        "max_connections": "300",
        # The data live as long as the cluster: a power cut ends both.
        "fsync": "off",
    }
    server = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    server += ["--", str(binaries / "postgres"), "-D", DATA]
    server += [f"--{name}={value}" for name, value in settings.items()]
    cluster.start("postgres", server)
    database = Database(
        host=f"{SERVICE}.{namespace}.svc",
        port=PORT,
        dbname=DATABASE,
        username=ROLE,
        password=password,
        address=at.NODE_ADDRESS,
        superuser_password=superuser_password,
    )
    _wait(cluster, binaries)
    _create(cluster, binaries, database)
    return database


def _wait(cluster: Cluster, binaries: Path) -> None:
    ready = [str(binaries / "pg_isready"), "-h", at.NODE_ADDRESS, "-p", str(PORT)]

    def answers() -> bool:
        if not cluster.running("postgres"):
            raise RefusalError(f"PostgreSQL ended: see {cluster.layout.log('postgres')}")
        return cluster.exec(ready, check=False).returncode == 0

    until(answers, 30, "PostgreSQL to answer", 0.1)


def _create(cluster: Cluster, binaries: Path, database: Database) -> None:
    quoted = database.password.replace("'", "''")
    statements = (
        f"CREATE ROLE {database.username} LOGIN PASSWORD '{quoted}';\n"
        f"CREATE DATABASE {database.dbname} OWNER {database.username};\n"
    )
    # Through standard input: a command line can be read by every process of the machine.
    created = cluster.exec(
        [str(binaries / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1"],
        check=False,
        input=statements,
        env={
            "PGHOST": database.address,
            "PGPORT": str(database.port),
            "PGDATABASE": "postgres",
            "PGUSER": "postgres",
            "PGPASSWORD": database.superuser_password,
        },
    )
    if created.returncode != 0:
        raise RefusalError(f"making the database failed: {created.stderr.strip()}")


def _collections(namespace: str) -> tuple[str, str]:
    return (
        f"/api/v1/namespaces/{namespace}/services",
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
    )


def _publish(cluster: Cluster, namespace: str) -> None:
    """The name by which pods know it."""
    api = cluster.api()
    try:
        api.get(f"/api/v1/namespaces/{namespace}")
    except ApiError as error:
        if error.status != 404:
            raise
        named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        api.apply("/api/v1/namespaces", named)
    services, slices = _collections(namespace)
    api.apply(
        services,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE},
            "spec": {"ports": [{"name": "sql", "port": PORT, "targetPort": PORT}]},
        },
    )
    api.apply(
        slices,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": SERVICE, "labels": {"kubernetes.io/service-name": SERVICE}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [at.NODE_ADDRESS], "conditions": {"ready": True}}],
            "ports": [{"name": "sql", "port": PORT, "protocol": "TCP"}],
        },
    )
    write(cluster.layout.folder / "postgres-services" / namespace, "")


def add_verbs(verb: Any) -> None:
    """`postgres up`, `postgres down`; `postgres psql` is passed on by the command line."""
    parser: argparse.ArgumentParser = verb("postgres", _postgres, "a PostgreSQL in the cluster")
    parser.add_argument("action", choices=("up", "down", "psql"))
    parser.add_argument("--namespace", default="default", help="where its Service is made")
    parser.add_argument("--password", help="of the role; random unless given")
    parser.add_argument("--secret", help="also make a Secret of this name in the namespace")


def _postgres(arguments: argparse.Namespace) -> int:
    cluster = Cluster.from_environment()
    if arguments.action == "down":
        down(cluster)
        return 0
    database = up(cluster, arguments.namespace, arguments.password)
    if arguments.secret:
        secrets_of = f"/api/v1/namespaces/{arguments.namespace}/secrets"
        cluster.api().apply(secrets_of, database.secret(arguments.secret))
        print(f"Secret {arguments.namespace}/{arguments.secret} made", file=sys.stderr)
    print(json.dumps(database.keys(), indent=2))
    return 0
