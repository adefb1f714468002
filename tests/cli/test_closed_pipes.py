"""A reader that has enough ends what is shown to it, and nothing that was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.server import EMPTY, Answer, Asked, Server
from tests.cli.support import Spark
from tests.cli.test_reaching import kubeconfig

COUNT = 200


def integrations(asked: Asked) -> Answer:
    """Many, each of which may be patched but the last."""
    if "/plugins" in asked.target or "/schedulers" in asked.target:
        return EMPTY
    if asked.method == "PATCH":
        last = asked.target.partition("?")[0].endswith(f"/i-{COUNT - 1:03}")
        return Answer(403, {"message": "no"}) if last else Answer(body={})
    items = [
        {
            "metadata": {"name": f"i-{n:03}", "namespace": "default", "uid": f"u-{n}"},
            "spec": {"service": "demo"},
        }
        for n in range(COUNT)
    ]
    return Answer(body={"metadata": {}, "items": items})


@pytest.mark.parametrize("arguments", [["suspend", "--all"], ["suspend", "-l", "a=b"]])
def test_what_changes_the_cluster_goes_on_and_ends_with_its_true_code(
    tmp_path: Path, arguments: list[str]
) -> None:
    with Server(integrations) as server:
        spark = Spark(kubeconfig(tmp_path, server.url))
        with spark.start(*arguments) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "i-000 suspended\n"
            process.stdout.close()
            assert process.wait(60) == 1, "the last one was refused"
    patched = [asked for asked in server.asked if asked.method == "PATCH"]
    assert len(patched) == COUNT


def test_what_only_shows_ends_with_its_reader(tmp_path: Path) -> None:
    with Server(integrations) as server:
        spark = Spark(kubeconfig(tmp_path, server.url))
        with spark.start("list", "-o", "json") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "{\n"
            process.stdout.close()
            assert process.wait(60) == 0
            assert process.stderr.read() == ""
    assert len(json.dumps(integrations(server.asked[0]).body)) > 10_000
