"""A PostgreSQL that shows a certificate: who vouches for it is read from the Secret."""

import os
import subprocess
from pathlib import Path

import psycopg2
import pytest
from tests.support.waiting import until

from spark_plugins.testing import json_answer


def certificate(folder: Path, name: str) -> Path:
    """Of its own making, for 127.0.0.1 alone; its key lies beside it."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.crt"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / f"{name}.crt"


def encrypts(postgres) -> bool:
    """Whether it does now, as it reads its settings in its own time."""
    where = {"host": "127.0.0.1", "port": postgres.port, "dbname": "postgres"}
    account = {"user": postgres.user, "password": postgres.password}
    try:
        psycopg2.connect(**where, **account, sslmode="require").close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def authority(postgres, tmp_path_factory):
    """The certificate that the server shows from now on."""
    own = certificate(tmp_path_factory.mktemp("tls"), "server")
    data = Path(postgres.rows("SHOW data_directory")[0][0])
    owner = data.stat()
    for source in (own, own.with_suffix(".key")):
        copy = data / source.name
        copy.write_bytes(source.read_bytes())
        copy.chmod(0o600)
        os.chown(copy, owner.st_uid, owner.st_gid)
    postgres.rows("ALTER SYSTEM SET ssl = on")
    postgres.rows("SELECT pg_reload_conf()")
    until(lambda: encrypts(postgres), 20, lambda: "it does not encrypt")
    yield own.read_text()
    postgres.rows("ALTER SYSTEM RESET ssl")
    postgres.rows("SELECT pg_reload_conf()")
    until(lambda: not encrypts(postgres), 20, lambda: "it still encrypts")


@pytest.fixture
def encrypted(warehouse, service, authority):
    """A pod that is told nothing of encryption."""
    service.on("/items", json_answer([{"id": 1}]))
    warehouse.warehouse(sslmode="")
    return warehouse


def test_the_authority_of_the_secret_vouches_for_the_server(encrypted, authority):
    encrypted.warehouse(sslrootcert=authority)
    ended = encrypted.fetch()
    assert (ended.exit, ended.message["rows"]) == (0, 1)


def test_where_an_authority_is_named_another_is_not_accepted(encrypted, tmp_path):
    encrypted.warehouse(sslrootcert=certificate(tmp_path, "another").read_text())
    ended = encrypted.fetch()
    assert ended.exit == 1
    assert "certificate" in ended.said


@pytest.mark.parametrize(("sslmode", "exit_code"), [("", 1), ("verify-full", 1), ("verify-ca", 0)])
def test_the_name_of_the_server_counts_unless_it_is_said_not_to(
    encrypted, authority, sslmode, exit_code
):
    encrypted.warehouse(sslrootcert=authority, host="localhost", sslmode=sslmode)
    ended = encrypted.fetch()
    assert ended.exit == exit_code
    assert exit_code == 0 or "localhost" in ended.said


def test_without_one_the_public_authorities_are_asked(encrypted):
    encrypted.warehouse(sslmode="verify-full")
    ended = encrypted.fetch()
    assert ended.exit == 1
    assert "certificate" in ended.said


@pytest.mark.parametrize("text", ["/etc/ssl/ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_an_error_of_that_key(encrypted, text):
    encrypted.warehouse(sslrootcert=text)
    ended = encrypted.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'The key "sslrootcert" of Secret "warehouse"' in ended.said


def test_the_authorities_of_a_large_provider_fit(encrypted, authority):
    encrypted.warehouse(sslrootcert=authority * 300)
    assert encrypted.fetch().exit == 0
