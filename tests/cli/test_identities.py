"""Who we are to the API server, in every form that a kubeconfig has for it."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.server import Server
from tests.cli.test_reaching import kubeconfig as written

from spark_cli.exits import NoAccess
from spark_cli.gather import credentials, kinds, kubeconfig
from spark_cli.gather.cluster import Cluster


def with_user(folder: Path, server: str, user: dict[str, Any], **cluster: Any) -> str:
    path = written(folder, server, **cluster)
    body = yaml.safe_load(path.read_text())
    body["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(body))
    return str(path)


def test_whom_we_act_as_is_told_whole(tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": "alice",
        "as-uid": "u-1",
        "as-groups": ["team-a"],
        "as-user-extra": {"Example.com/Scope": ["read"]},
    }
    with Server() as server:
        Cluster.connect(with_user(tmp_path, server.url, user), None).list(kinds.JOB, None)
        headers = server.asked[0].headers
    assert headers["Impersonate-User"] == "alice"
    assert headers["Impersonate-Uid"] == "u-1"
    assert headers["Impersonate-Group"] == "team-a"
    assert headers["Impersonate-Extra-example.com%2Fscope"] == "read"


@pytest.mark.parametrize(
    "user",
    [
        {"as-groups": ["a"]},
        {"as-uid": "u"},
        {"as": "alice", "as-groups": ["a", "b"]},
        {"as": "alice", "as-user-extra": {"scope": ["a", "b"]}},
    ],
)
def test_rather_than_as_another_we_act_as_nobody(tmp_path: Path, user: dict[str, Any]) -> None:
    with Server() as server:
        path = with_user(tmp_path, server.url, {"token": "t", **user})
        with pytest.raises(NoAccess):
            Cluster.connect(path, None)
        assert server.asked == []


def test_a_token_is_read_anew_as_its_file_changes(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    with Server() as server:
        path = with_user(tmp_path, server.url, {"tokenFile": "token"})
        cluster = Cluster.connect(path, None)
        cluster.list(kinds.JOB, None)
        (tmp_path / "token").write_text("two\n")
        cluster.list(kinds.JOB, None)
        (tmp_path / "token").unlink()
        cluster.list(kinds.JOB, None)
        told = [asked.headers["Authorization"] for asked in server.asked]
    assert told == ["Bearer one", "Bearer two", "Bearer one"]


@pytest.mark.parametrize("key", ["client-certificate-data", "client-key-data"])
def test_half_of_a_client_certificate_is_said(tmp_path: Path, key: str) -> None:
    user = {key: base64.b64encode(b"x").decode()}
    with pytest.raises(NoAccess) as caught:
        kubeconfig.load(with_user(tmp_path, "https://x", user), None)
    assert "name both" in caught.value.message


def test_the_name_of_the_certificate_counts_behind_a_proxy_too(tmp_path: Path) -> None:
    cluster = {"tls-server-name": "api.internal", "proxy-url": "http://proxy.example.com:3128"}
    config = kubeconfig.load(
        with_user(tmp_path, "https://10.0.0.1", {"token": "t"}, **cluster), None
    )
    options = credentials.Adapter(config).proxy_manager_for(cluster["proxy-url"]).connection_pool_kw
    assert options["server_hostname"] == options["assert_hostname"] == "api.internal"


def command(folder: Path, script: str) -> dict[str, Any]:
    path = folder / "give"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}


def test_a_command_is_told_all_of_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("ca")
    script = f'printf %s "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo \'{{"status": {{"token": "t"}}}}\''
    wanted = {**command(tmp_path, script), "provideClusterInfo": True}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    cluster = {
        "certificate-authority": "ca.crt",
        "tls-server-name": "api.internal",
        "extensions": [{"name": "other", "extension": 1}, extension],
    }
    path = with_user(tmp_path, "https://x", {"exec": wanted}, **cluster)
    config = kubeconfig.load(path, None)
    credentials.obtain(config.user["exec"], config.cluster)
    told = json.loads((tmp_path / "info").read_text())["spec"]["cluster"]
    assert told == {
        "server": "https://x",
        "tls-server-name": "api.internal",
        "certificate-authority-data": base64.b64encode(b"ca").decode(),
        "config": {"audience": "a"},
    }


def test_who_presses_tab_is_not_kept_waiting_by_a_command(tmp_path: Path) -> None:
    wanted = command(tmp_path, "sleep 60")
    began = time.monotonic()
    with pytest.raises(NoAccess) as caught:
        credentials.obtain(wanted, {"server": "https://x"}, 0.2)
    assert "gave none within 0.2 s" in caught.value.message
    assert time.monotonic() - began < 10
