"""What can be no name reaches no path: ``..`` in it would make one object's path that of all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.server import Server
from tests.cli.support import Spark
from tests.cli.test_reaching import kubeconfig

from spark_cli.exits import Failure
from spark_cli.gather import kinds
from spark_cli.gather.cluster import Cluster


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "-n", ".."],
        ["list", "-n", ""],
        ["list", "-n", "a/b"],
        ["suspend", ""],
        ["suspend", ".."],
        ["suspend", "integration/.."],
        ["status", "Alice"],
        ["fetch", "--service", ".."],
        ["plugin", ""],
        ["list", "--scheduler", "../spark"],
        ["list", "--scheduler", "a/.."],
    ],
)
def test_it_is_wrong_use_and_nothing_is_asked(tmp_path: Path, arguments: list[str]) -> None:
    with Server() as server:
        answer = Spark(kubeconfig(tmp_path, server.url))(*arguments)
        assert (answer.code, server.asked) == (2, []), answer.err


def test_a_path_is_made_of_names_alone(tmp_path: Path) -> None:
    base = "/apis/spark-integrations.dev/v1"
    assert kinds.INTEGRATION.path("a", "b.c-1") == f"{base}/namespaces/a/integrations/b.c-1"
    assert kinds.INTEGRATION.path() == f"{base}/integrations"
    assert kinds.PLUGIN.path(None, "rest") == f"{base}/plugins/rest"
    for namespace, name in (("..", None), ("", None), ("a", ".."), ("a", ""), ("a.b", "c")):
        with pytest.raises(Failure):
            kinds.INTEGRATION.path(namespace, name)
    with Server() as server:
        cluster = Cluster.connect(str(kubeconfig(tmp_path, server.url)), None)
        assert cluster.find(kinds.SECRET, "", "a") is None, "it is not that of all Secrets"
        assert server.asked == []


def test_a_manifest_with_such_a_name_is_told_of_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "apiVersion: spark-integrations.dev/v1\nkind: Integration\n"
        "metadata: {name: Bad_Name}\nspec: {service: rest}\n---\n"
        "apiVersion: spark-integrations.dev/v1\nkind: Integration\n"
        "metadata: {name: good, namespace: ..}\nspec: {service: rest}\n"
    )
    with Server() as server:
        spark = Spark(kubeconfig(tmp_path, server.url))
        answer = spark("validate", str(tmp_path / "bad.yaml"), "-o", "json")
    assert answer.code == 1, answer.err
    assert "metadata.name" in answer.json[0]["problems"][0]
    assert "metadata.namespace" in answer.json[1]["problems"][0]
