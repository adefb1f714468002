"""``run``: a fetch on this machine, from a service that is there, into a file."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from tests.cli.support import Spark, account
from tests.support.waiting import until
from tests.support.world import World

from spark_cli.exits import Exit
from spark_plugins.testing import json_answer
from spark_plugins.testing.service import Answer, Service

# Each imports dlt in a process of its own.
pytestmark = pytest.mark.slow

CANARY = "canary-7f3a-token"
NOWHERE = Spark("/nonexistent")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        made.on("/items", json_answer([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]))
        yield made


def manifest(service: Service, **changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Integration",
        "metadata": {"name": "shop", "namespace": "team-a"},
        "spec": {
            "service": "rest",
            "config": {
                "baseUrl": service.url,
                "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
            },
            **changes,
        },
    }


def signed(service: Service, **changes: Any) -> dict[str, Any]:
    """With a bearer token out of a Secret."""
    body = manifest(service, credentialsSecretName="shop", **changes)
    body["spec"]["config"]["auth"] = {"type": "bearer"}
    return body


def write(path: Path, *bodies: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(bodies))
    return str(path)


def rows(folder: Path) -> list[Any]:
    (file,) = folder.glob("*.duckdb")
    with duckdb.connect(str(file)) as connection:
        return connection.execute("SELECT id, name FROM items ORDER BY id").fetchall()


def test_a_file_is_fetched_into_a_database_that_a_second_run_goes_on_with(
    tmp_path: Path, service: Service
) -> None:
    path = write(tmp_path / "shop.yaml", manifest(service))
    data = tmp_path / "data"
    answer = NOWHERE("run", path, "--to", str(data))
    assert answer.code == 0, answer.err
    assert answer.out.startswith("2 rows loaded into ")
    assert rows(data) == [(1, "a"), (2, "b")]
    service.on("/items", json_answer([{"id": 2, "name": "c"}]))
    assert NOWHERE("run", path, "--to", str(data)).out.startswith("1 row loaded")
    assert rows(data) == [(1, "a"), (2, "c")]


def test_a_dry_run_prints_the_records_and_loads_nothing(tmp_path: Path, service: Service) -> None:
    path = write(tmp_path / "shop.yaml", manifest(service))
    answer = NOWHERE("run", path, "--dry-run", "--limit", "1", "--to", str(tmp_path / "data"))
    assert answer.code == 0
    told = [json.loads(line) for line in answer.out.splitlines()]
    assert told == [{"resource": "items", "record": {"id": 1, "name": "a"}}]
    assert list((tmp_path / "data").iterdir()) == []


def test_credentials_come_from_the_secret_beside_it_and_are_never_shown(
    tmp_path: Path, service: Service
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop"},
        "stringData": {"token": CANARY},
    }
    service.on("/items", json_answer([{"id": 1, "name": CANARY}]))
    path = write(tmp_path / "shop.yaml", signed(service), secret)
    answer = NOWHERE("run", path, "--dry-run", "--debug")
    assert answer.code == 0, answer.err
    assert service.requests[-1].header("Authorization") == f"Bearer {CANARY}"
    assert CANARY not in answer.out + answer.err


@pytest.mark.parametrize("form", ["folder", "secret", "yaml"])
def test_credentials_may_be_given(tmp_path: Path, service: Service, form: str) -> None:
    place = tmp_path / "credentials"
    if form == "folder":
        place.mkdir()
        (place / "token").write_text(f"{CANARY}\n")
    else:
        body: dict[str, Any] = {"token": CANARY}
        place.write_text(
            yaml.safe_dump(
                {"apiVersion": "v1", "kind": "Secret", "stringData": body}
                if form == "secret"
                else body
            )
        )
    path = write(tmp_path / "shop.yaml", signed(service))
    answer = NOWHERE("run", path, "--dry-run", "--credentials", str(place))
    assert answer.code == 0, answer.err
    assert service.requests[-1].header("Authorization") == f"Bearer {CANARY}"


def test_a_failure_is_told_in_a_sentence_and_is_1(tmp_path: Path, service: Service) -> None:
    service.on("/items", json_answer({"error": CANARY}, status=401))
    path = write(tmp_path / "shop.yaml", manifest(service))
    answer = NOWHERE("run", path, "--to", str(tmp_path))
    assert answer.code == 1
    assert answer.err.splitlines()[-1].startswith("error: the fetch failed: ")
    assert "Traceback" not in answer.err


def test_what_is_missing_is_said(tmp_path: Path, service: Service) -> None:
    path = write(tmp_path / "shop.yaml", manifest(service), signed(service))
    assert "there are several Integrations" in NOWHERE("run", path).err
    body = manifest(service)
    body["spec"]["service"] = "nosuch"
    other = write(tmp_path / "other.yaml", body)
    assert 'no plugin "nosuch" is installed here; there are:' in NOWHERE("run", other).err
    assert NOWHERE("run").code == 2
    secret = write(tmp_path / "secret.yaml", signed(service))
    answer = NOWHERE("run", secret)
    assert answer.code == 4, "the Secret is in a cluster, and there is none"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, Exit.TERMINATED), (signal.SIGHUP, Exit.HUNG_UP)]
)
def test_a_run_that_is_stopped_leaves_no_credentials_behind(
    tmp_path: Path, service: Service, number: int, code: int
) -> None:
    temporary, memory = tmp_path / "tmp", tmp_path / "memory"
    temporary.mkdir()
    memory.mkdir()
    service.on("/items", Answer(hang=True))
    (tmp_path / "token").write_text(f"token: {CANARY}")
    path = write(tmp_path / "shop.yaml", signed(service))
    here = Spark("/nonexistent", TMPDIR=str(temporary), XDG_RUNTIME_DIR=str(memory))
    given = ("--credentials", str(tmp_path / "token"), "--to", str(tmp_path / "data"))
    with here.start("run", path, *given) as process:
        until(lambda: bool(service.requests), 60, "it asks nothing")
        (folder,) = memory.glob("kubectl-spark-run-*")
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "token").stat().st_mode & 0o077 == 0
        assert not any(temporary.rglob("token"))
        process.send_signal(number)
        assert process.wait(30) == code
        process.communicate()
    assert list(temporary.glob("kubectl-spark*")) == []
    assert list(memory.iterdir()) == []


@pytest.mark.apiserver
def test_an_integration_of_the_cluster_is_run_with_the_rights_of_the_user(
    tmp_path: Path, service: Service, world: World, spark: Spark
) -> None:
    world.core.create_namespaced_secret(
        world.namespace, {"metadata": {"name": "shop"}, "stringData": {"token": CANARY}}
    )
    body = signed(service, suspend=True)
    del body["metadata"]["namespace"]
    world.objects.create_namespaced_custom_object(
        "spark-integrations.dev", "v1", world.namespace, "integrations", body
    )
    answer = spark("run", "--name", "shop", "--to", str(tmp_path / "data"))
    assert answer.code == 0, answer.err
    assert service.requests[-1].header("Authorization") == f"Bearer {CANARY}"
    assert CANARY not in answer.out + answer.err
    assert rows(tmp_path / "data") == [(1, "a"), (2, "b")]
    integrations = {"apiGroups": ["spark-integrations.dev"], "resources": ["*"], "verbs": ["*"]}
    few = Spark(account(world, "no-secrets", [integrations], tmp_path), world.namespace)
    refused = few("run", "--name", "shop")
    assert refused.code == 4
    assert 'you may not read the Secret "shop"' in refused.err
    world.change("shop", credentialsWriteBack=True)
    spent = spark("run", "--name", "shop", "--dry-run")
    assert spent.code == 1
    assert "--spend-token" in spent.err
    assert spark("run", "--name", "shop", "--dry-run", "--spend-token").code == 0
