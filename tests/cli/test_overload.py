"""An API server that is overloaded, forgets, or goes away midway: it is asked again, and what was done is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.server import EMPTY, Answer, Asked, Server
from tests.cli.support import Spark
from tests.cli.test_reaching import kubeconfig

from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure, Cluster


def cluster(folder: Path, server: Server, rest: Callable[[float], object]) -> Cluster:
    known = Cluster.connect(str(kubeconfig(folder, server.url)), None)
    known._rest = rest
    return known


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_to_come_again_is_asked_then(tmp_path: Path, status: int) -> None:
    answers = iter([Answer(status, headers={"Retry-After": "2"})] * 2 + [EMPTY])
    rests: list[float] = []
    with Server(lambda _: next(answers)) as server:
        assert cluster(tmp_path, server, rests.append).list(kinds.JOB, None) == []
    assert rests == [2, 2]


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [(429, {"Retry-After": "1"}, 4), (503, {}, 1), (500, {"Retry-After": "1"}, 1)],
)
def test_it_is_asked_so_often_and_only_where_it_says_so(
    tmp_path: Path, status: int, headers: dict[str, str], asked: int
) -> None:
    with Server(lambda _: Answer(status, headers=headers)) as server:
        with pytest.raises(ApiFailure) as caught:
            cluster(tmp_path, server, lambda _: None).list(kinds.JOB, None)
        assert (caught.value.status, len(server.asked)) == (status, asked)


def page(name: str, following: str) -> Answer:
    body = {"metadata": {"continue": following}, "items": [{"metadata": {"name": name}}]}
    return Answer(body=body)


def test_a_list_whose_beginning_was_forgotten_is_read_anew(tmp_path: Path) -> None:
    gone = Answer(410, {"reason": "Expired", "message": "too old"})
    answers = iter([page("a", "x"), gone, page("a", "y"), page("b", "")])
    with Server(lambda _: next(answers)) as server:
        found = cluster(tmp_path, server, lambda _: None).list(kinds.JOB, None)
        assert [body["metadata"]["name"] for body in found] == ["a", "b"]
        assert "continue" not in server.asked[2].target
    with Server(lambda a: gone if "continue" in a.target else page("a", "x")) as server:
        with pytest.raises(ApiFailure) as caught:
            cluster(tmp_path, server, lambda _: None).list(kinds.JOB, None)
        assert caught.value.gone
        assert len(server.asked) == 6


def integration(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": "1"},
        "spec": {"service": "demo"},
    }


PLUGIN = {"metadata": {"name": "demo", "uid": "p"}, "spec": {"title": "Demo"}}
SCHEDULER = {"metadata": {"name": "spark", "namespace": "default", "uid": "s"}, "spec": {}}


def install(asked: Asked) -> Answer:
    """Three Integrations that are due."""
    for plural, items in (
        ("plugins", [PLUGIN]),
        ("schedulers", [SCHEDULER]),
        ("integrations", [integration(name) for name in "abc"]),
    ):
        if f"/{plural}" in asked.target:
            return Answer(body={"metadata": {"resourceVersion": "1"}, "items": items})
    return EMPTY


def test_what_was_asked_for_before_the_server_went_is_told(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method != "PATCH":
            return install(asked)
        return Answer(body={}) if "/a?" in asked.target else Answer(drop=True)

    with Server(answer) as server:
        told = Spark(kubeconfig(tmp_path, server.url))("fetch", "--all", "--wait", "-o", "json")
    assert told.code == 4
    assert "cannot be reached" in told.err
    assert [(e["name"], e["requested"]) for e in told.json] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]
    assert told.json[1]["message"].startswith("may not have been asked for: ")
    assert told.json[2]["message"].startswith("not asked for: ")
    patched = [asked for asked in server.asked if asked.method == "PATCH"]
    assert len(patched) == 2, "the third is not tried"


def test_what_was_asked_for_is_told_where_waiting_is_refused(tmp_path: Path) -> None:
    listed: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        if asked.method == "PATCH":
            return Answer(body={})
        if "/integrations" in asked.target:
            listed.append(asked)
            if len(listed) > 1:
                return Answer(403, {"message": "you may not"})
        return install(asked)

    with Server(answer) as server:
        told = Spark(kubeconfig(tmp_path, server.url))("fetch", "--all", "--wait", "-o", "json")
    assert told.code == 4
    assert "you may not" in told.err
    assert [each["requested"] for each in json.loads(told.out)] == [True, True, True]
