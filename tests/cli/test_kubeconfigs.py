"""A kubeconfig is read as kubectl reads it."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.support import Spark
from tests.support.waiting import until

from spark_cli.exits import Exit, NoAccess
from spark_cli.gather import credentials, kubeconfig


def write(path: Path, name: str, **changes: Any) -> Path:
    body = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.com"}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}
        ],
        "users": [{"name": name, "user": {"token": f"token-{name}"}}],
        **changes,
    }
    path.write_text(yaml.safe_dump(body))
    return path


def test_of_several_files_all_contexts_count_and_the_first_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write(tmp_path / "a", "a"), write(tmp_path / "b", "b")
    third = write(tmp_path / "c", "a", users=[{"name": "a", "user": {"token": "other"}}])
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}:{third}")
    assert kubeconfig.load(None, None).cluster["server"] == "https://a.example.com"
    assert kubeconfig.load(None, None).user["token"] == "token-a"
    chosen = kubeconfig.load(None, "b")
    assert (chosen.cluster["server"], chosen.namespace) == ("https://b.example.com", "ns-b")


def test_an_embedded_key_is_in_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    key = base64.b64encode(b"the key").decode()
    user = {"client-certificate-data": key, "client-key-data": key}
    path = write(tmp_path / "a", "a", users=[{"name": "a", "user": user}])
    found = kubeconfig.load(str(path), None).user["client-key"]
    file = Path(found.filename())
    assert file.read_bytes() == b"the key"
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_files_are_found_from_where_the_kubeconfig_is(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("ca")
    (tmp_path / "token").write_text("from-file\n")
    path = write(
        tmp_path / "a",
        "a",
        clusters=[
            {"name": "a", "cluster": {"server": "https://x", "certificate-authority": "ca.crt"}}
        ],
        users=[{"name": "a", "user": {"tokenFile": "token"}}],
    )
    config = kubeconfig.load(str(path), None)
    assert config.cluster["certificate-authority"].filename() == str(tmp_path / "ca.crt")
    assert config.user["token"] == "from-file"


@pytest.mark.parametrize(
    ("changes", "context", "said"),
    [
        ({}, "nope", 'no context "nope"; it has: a'),
        ({"current-context": ""}, None, "no current-context"),
        ({"clusters": []}, None, 'names a cluster "a" that is not there'),
        ({"users": []}, None, 'names a user "a" that is not there'),
        ({"users": [{"name": "a", "user": {"client-key": "nope"}}]}, None, "nope, the client-key"),
        ({"users": [{"name": "a", "user": {"client-key-data": "%"}}]}, None, "is not base64"),
        ({"users": [{"name": "a", "user": {"tokenFile": "nope"}}]}, None, "cannot be read"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, changes: dict[str, Any], context: str | None, said: str
) -> None:
    path = write(tmp_path / "a", "a", **changes)
    with pytest.raises(NoAccess) as caught:
        kubeconfig.load(str(path), context)
    assert said in caught.value.message
    assert caught.value.exit is Exit.NO_ACCESS


@pytest.mark.parametrize(
    "dead",
    [
        {"client-key": "/nonexistent/of-a-cluster-that-is-no-more"},
        {"client-key-data": "%"},
        {"tokenFile": "/nonexistent/token"},
    ],
)
def test_a_context_that_is_dead_disables_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: dict[str, str]
) -> None:
    first = write(tmp_path / "a", "a")
    gone = {"server": "https://gone", "certificate-authority": "/nonexistent/ca.crt"}
    second = write(
        tmp_path / "b",
        "b",
        users=[{"name": "b", "user": dead}],
        clusters=[{"name": "b", "cluster": gone}],
    )
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    config = kubeconfig.load(None, None)
    assert (config.user["token"], list(config.users)) == ("token-a", ["a"])


def test_the_keys_of_other_contexts_are_written_nowhere(tmp_path: Path) -> None:
    users = [
        {"name": name, "user": {"client-certificate-data": encoded, "client-key-data": encoded}}
        for name in ("a", "b")
        for encoded in [base64.b64encode(f"canary-{name}".encode()).decode()]
    ]
    path = write(tmp_path / "a", "a", users=users)
    config = kubeconfig.load(str(path), None)
    mine = Path(config.user["client-key"].filename())
    assert mine.read_text() == "canary-a"
    assert [p for p in mine.parent.iterdir() if p.read_text() == "canary-b"] == []


def test_a_file_that_is_no_yaml_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("users: [token: hunter2")
    with pytest.raises(NoAccess) as caught:
        kubeconfig.load(str(path), None)
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("program", ["kubectl-spark", "kubectl_complete-spark"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_key_is_gone_with_the_process_however_that_ends(
    tmp_path: Path, number: int, program: str
) -> None:
    with _reading_a_key(tmp_path, program) as (process, temporary):
        process.send_signal(number)
        process.communicate(timeout=30)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_key_is_gone_though_the_signal_comes_again_and_again(tmp_path: Path, number: int) -> None:
    with _reading_a_key(tmp_path, "kubectl-spark") as (process, temporary):
        while process.poll() is None:
            process.send_signal(number)
        said = process.stderr.read()
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in said


@contextmanager
def _reading_a_key(place: Path, program: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A command that waits for a server which never answers, and where its files are."""
    temporary = place / "tmp"
    temporary.mkdir()
    key = base64.b64encode(b"the key").decode()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cluster = {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        path = write(
            place / "a",
            "a",
            clusters=[{"name": "a", "cluster": {**cluster, "certificate-authority-data": key}}],
        )
        here = Spark(path, TMPDIR=str(temporary), XDG_RUNTIME_DIR="")
        words = ["list"] if program == "kubectl-spark" else ["status", ""]
        with here.start(*words, program=program) as process:
            until(lambda: any(temporary.rglob("certificate-authority")), 30, "it reads no key")
            yield process, temporary


@pytest.mark.parametrize(
    ("version", "script", "said"),
    [
        ("v2", "echo", 'apiVersion "client.authentication.k8s.io/v2" that is not known'),
        ("v1", "echo canary-secret", "gave no ExecCredential"),
        ("v1", "echo '{}'", "neither a token nor a certificate"),
        ("v1", "exit 3", "failed (3)"),
    ],
)
def test_a_command_that_gives_no_credential_is_told_without_what_it_printed(
    tmp_path: Path, version: str, script: str, said: str
) -> None:
    command = tmp_path / "give"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    wanted = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(command)}
    with pytest.raises(NoAccess) as caught:
        credentials.obtain(wanted, {"server": "https://x"})
    assert said in caught.value.message
    assert "canary-secret" not in caught.value.message


def test_a_command_is_told_what_kubectl_tells_it(tmp_path: Path) -> None:
    command = tmp_path / "give"
    command.write_text(
        f'#!/bin/sh\nprintf %s "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n'
        'echo "{\\"status\\": {\\"token\\": \\"$WHO-$1\\"}}"\n'
    )
    command.chmod(0o755)
    wanted = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(command),
        "args": ["b"],
        "env": [{"name": "WHO", "value": "a"}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    assert credentials.obtain(wanted, {"server": "https://x"}) == {"token": "a-b"}
    told = json.loads((tmp_path / "info").read_text())
    assert told["apiVersion"] == wanted["apiVersion"]
    assert told["spec"] == {"interactive": False, "cluster": {"server": "https://x"}}
