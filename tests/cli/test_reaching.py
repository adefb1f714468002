"""What goes to the API server, and by which way: what the kubeconfig says, and nothing of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.server import EMPTY, Answer, Asked, Server
from tests.cli.support import Spark

TOKEN = "token-of-the-kubeconfig"
KIND = "integration.spark-integrations.dev"


def kubeconfig(folder: Path, server: str, **cluster: Any) -> Path:
    body = {
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": server, **cluster}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {"token": TOKEN}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(body))
    return path


def test_the_token_of_the_kubeconfig_goes_there_and_not_the_netrc(tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login somebody password canary-of-netrc\n")
    netrc.chmod(0o600)
    with Server() as server:
        spark = Spark(kubeconfig(tmp_path, server.url), HOME=str(tmp_path), NETRC=str(netrc))
        assert spark("list", "-o", "name").code == 0
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {TOKEN}"}


def test_the_proxy_of_the_kubeconfig_counts_before_the_environments(tmp_path: Path) -> None:
    with Server() as ours, Server() as other:
        path = kubeconfig(tmp_path, "http://api.example.com:8080", **{"proxy-url": ours.url})
        spark = Spark(path, HTTP_PROXY=other.url, http_proxy=other.url, NO_PROXY="", no_proxy="")
        assert spark("list", "-o", "name").code == 0
    assert [a.target.partition("/apis")[0] for a in ours.asked] == ["http://api.example.com:8080"]
    assert other.asked == []


@pytest.mark.parametrize(("without", "asked"), [("", 1), ("example.com", 0)])
def test_without_one_the_environments_is_taken_unless_it_says_not_to(
    tmp_path: Path, without: str, asked: int
) -> None:
    path = kubeconfig(tmp_path, "http://127-0-0-9.example.com:9")
    with Server() as proxy:
        spark = Spark(
            path,
            HTTP_PROXY=proxy.url,
            http_proxy=proxy.url,
            NO_PROXY=without,
            no_proxy=without,
        )
        spark("list", "-o", "name")
    assert len(proxy.asked) == asked


def test_a_server_on_this_machine_is_asked_without_a_proxy(tmp_path: Path) -> None:
    with Server() as server, Server() as proxy:
        spark = Spark(kubeconfig(tmp_path, server.url), HTTP_PROXY=proxy.url, http_proxy=proxy.url)
        assert spark("list", "-o", "name").code == 0
    assert (len(server.asked), proxy.asked) == (1, [])


def test_what_is_no_api_server_is_told_apart_from_a_defect_of_ours(tmp_path: Path) -> None:
    with Server(lambda _: Answer(raw="<h1>Log in to the hotel</h1>")) as server:
        told = Spark(kubeconfig(tmp_path, server.url))("list")
    assert told.code == 4
    assert f"{server.url} answers with what is no JSON" in told.err


def test_a_config_that_nests_too_deep_to_be_read_hides_no_other(tmp_path: Path) -> None:
    """The API server takes it, and Python's parser ends at a thousand."""
    items = [
        f'{{"metadata": {{"name": "{name}", "namespace": "default", "uid": "{name}"}}, '
        f'"spec": {{"service": "rest", "config": {config}}}}}'
        for name, config in (("deep", '{"a":' * 5_000 + "1" + "}" * 5_000), ("flat", "{}"))
    ]
    answer = f'{{"metadata": {{"resourceVersion": "1"}}, "items": [{", ".join(items)}]}}'

    def answers(asked: Asked) -> Answer:
        return Answer(raw=answer) if "/integrations" in asked.target else EMPTY

    with Server(answers) as server:
        told = Spark(kubeconfig(tmp_path, server.url))("list", "-o", "name")
    assert (told.code, told.out.split()) == (0, [f"{KIND}/deep", f"{KIND}/flat"])


def test_whoever_sends_us_elsewhere_gets_no_token_there(tmp_path: Path) -> None:
    with Server() as elsewhere:
        answer = Answer(302, headers={"Location": f"{elsewhere.url}/apis"})
        with Server(lambda _: answer) as server:
            told = Spark(kubeconfig(tmp_path, server.url))("list")
    assert told.code == 4
    assert "sends us elsewhere (302)" in told.err
    assert elsewhere.asked == []
