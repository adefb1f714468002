"""Every command that docs/kubectl-spark.md shows is run, in its order, and says what stands there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli import page
from tests.cli.kubelet import Kubelet
from tests.cli.support import PROGRAM, account, operator_rules
from tests.operator.support import fails, job_of
from tests.support.process import Operator
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

import spark_cli.main
from spark_cli.gather import manifests
from spark_plugins.testing import json_answer
from spark_plugins.testing.service import Service

NAMESPACE = "studio"


def test_each_command_is_shown() -> None:
    told = "\n".join(page.commands(page.PAGE.read_text()))
    for name in spark_cli.main.COMMANDS:
        if name != "completion":
            assert f"kubectl spark {name}" in told, name


def test_each_command_of_the_original_has_its_row() -> None:
    table = page.PAGE.read_text().partition("For those who know the original")[2]
    for command in (
        "integrations:fetch",
        "integrations:fetch --service=spotify",
        "integrations:fetch --force",
        "schedule:list",
        "schedule:test",
        "queue:failed",
        "queue:retry all",
        "queue:flush",
        "queue:work --once --verbose",
    ):
        assert f"| `{command}` |" in table
    ours = re.findall(r"`kubectl spark (\w+)", table)
    assert set(ours) <= set(spark_cli.main.COMMANDS)


def test_what_differs_between_two_runs_alone_is_passed_over() -> None:
    one = page.alike("alice   2s ago   in 14m   bob-0123abcd-2  3 rows")
    assert one == page.alike("alice   119s ago  in 13m58s   bob-ffffffff-2   3 rows")
    assert one != page.alike("alice   2s ago   in 59m   bob-0123abcd-2  3 rows")
    assert one != page.alike("alice   2s ago   in 52s   bob-0123abcd-2  3 rows")
    assert page.alike("in 52s") == page.alike("now")
    assert page.alike("in 59m") == page.alike("in 2h5m")
    assert one != page.alike("alice   2s ago   in 14m   bob-0123abcd-2  4 rows")
    assert one != page.alike("alice   2s ago   in 14m   bob-0123abcd-3  3 rows")


@pytest.fixture
def scene(apiserver: Any, tmp_path: Path) -> Iterator[World]:
    """A team's Integrations: fresh, failing, refused by their service, suspended, misspelt, running."""
    world = World(apiserver, namespace=NAMESPACE)
    operator = Operator(world.kubeconfig, tmp_path, namespace=NAMESPACE)
    try:
        world.delete("plugin", NAMESPACE)
        for body in manifests.bundled_plugins():
            if body["metadata"]["name"] in ("spotify", "rest"):
                # The fates of pods stand in the config, which the plugins themselves would refuse.
                body["spec"]["configSchema"].pop("additionalProperties", None)
                body["spec"]["configSchema"].pop("required", None)
                world.objects.create_cluster_custom_object(GROUP, VERSION, "plugins", body)
        secret = {"host": "db", "dbname": "d", "username": "u", "password": "p"}
        world.core.create_namespaced_secret(
            NAMESPACE, {"metadata": {"name": "warehouse"}, "stringData": secret}
        )
        keys = {"client_id": "c", "client_secret": "s", "refresh_token": "r", "token": "t"}
        world.core.create_namespaced_secret(
            NAMESPACE, {"metadata": {"name": "accounts"}, "stringData": keys}
        )
        operator.start().wait_leading()
        _as_pod(world, tmp_path)
        spotify = {"service": "spotify", "credentialsSecretName": "accounts"}
        # Slow enough to be seen running, and bob so patient that no retry comes in between.
        rows = {"delay": "2s", "message": '{"rows": 120}'}
        world.make("alice", fate=rows, **spotify)
        _label(world, "alice")
        failing = fails(delay="2s", message="The service answered 503.")
        world.make("bob", fate=failing, retryDelaysSeconds=[3600, 3600, 3600], **spotify)
        refused = "The token is refused (401): renew it in Secret accounts, then retry."
        world.make(
            "carol", fate=fails(10, message=refused, reason="InvalidCredentials"), service="rest"
        )
        world.make("dave", suspend=True, service="rest")
        world.make("erin", service="spotfy")
        world.make("frank", fate={"outcome": "hang"}, service="rest")
        for name, reason in (
            ("alice", "Fetched"),
            ("bob", "BackingOff"),
            ("carol", "InvalidCredentials"),
            ("dave", "Suspended"),
            ("erin", "UnknownService"),
            ("frank", "Fetching"),
        ):
            world.wait_reason(name, reason, 60)
        yield world
    finally:
        operator.kill()
        for name in ("spotify", "rest", NAMESPACE):
            world.delete("plugin", name)
        world.core.delete_namespace(NAMESPACE)


def _label(world: World, name: str) -> None:
    patch = {"metadata": {"labels": {"team": "blue"}}}
    world.objects.patch_namespaced_custom_object(
        GROUP, VERSION, NAMESPACE, "integrations", name, patch
    )


def _as_pod(world: World, folder: Path) -> None:
    """The leading replica as a pod, with the rights that the chart grants."""
    account(world, "operator", operator_rules(), folder)
    holder = world.leases.read_namespaced_lease("spark", NAMESPACE).spec.holder_identity
    body = {
        "metadata": {"name": holder.rpartition("_")[0]},
        "spec": {
            "serviceAccountName": "operator",
            "containers": [{"name": "o", "image": "none:1"}],
        },
    }
    world.core.create_namespaced_pod(NAMESPACE, body)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the commands find the files that they name."""
    place = tmp_path / "folder"
    place.mkdir()
    with Service() as service:
        service.on("/items", json_answer([{"id": 1, "name": "tea"}, {"id": 2, "name": "milk"}]))
        resource = {"name": "items", "path": "items", "primaryKey": ["id"]}
        shop = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Integration",
            "metadata": {"name": "shop"},
            "spec": {
                "service": "rest",
                "config": {"baseUrl": service.url, "resources": [resource]},
            },
        }
        (place / "shop.yaml").write_text(yaml.safe_dump(shop))
        broken = {**shop, "metadata": {"name": "broken"}}
        broken["spec"] = {**shop["spec"], "timeoutSeconds": 5}
        (place / "broken.yaml").write_text(yaml.safe_dump(broken))
        yield place


@pytest.mark.apiserver
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_command_says_what_stands_in_the_page(
    scene: World, folder: Path, apiserver: Any
) -> None:
    text = page.PAGE.read_text()
    tools = apiserver.toolchain.path("kubectl").parent
    config = yaml.safe_load(Path(scene.kubeconfig).read_text())
    config["contexts"][0]["context"]["namespace"] = NAMESPACE
    (folder.parent / "kubeconfig").write_text(yaml.safe_dump(config))
    environment = {
        **os.environ,
        "KUBECONFIG": str(folder.parent / "kubeconfig"),
        "PATH": f"{PROGRAM.parent}:{tools}:{os.environ['PATH']}",
    }

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout

    outputs: list[str] = []
    with Kubelet(scene, apiserver) as kubelet:
        pod = kubelet.adopt("frank", job_of(scene, "frank"))
        kubelet.say(
            pod,
            '{"time": "2026-01-31T18:00:00.000Z", "level": "info", "logger": "spark", '
            '"message": "Loading {\'items\': 2}", "integration": "studio/frank", "run": 1, "attempt": 1}\n',
        )
        for command in page.commands(text):
            _calm(scene)
            outputs.append(run(command))
    if os.environ.get("WRITE_PAGE"):
        page.PAGE.write_text(page.written(text, outputs))
        return
    for (command, stands), said in zip(page.shown(text), outputs, strict=True):
        assert page.alike(said) == page.alike(stands), command


def _calm(world: World) -> None:
    """Nothing but frank's goes on, so that the states are those of the commands so far."""

    def calm() -> bool:
        items = world.objects.list_namespaced_custom_object(
            GROUP, VERSION, NAMESPACE, "integrations"
        )["items"]
        return all(
            i["status"].get("run", {}).get("outcome") != "Running"
            and i["metadata"].get("annotations", {}).get(f"{GROUP}/requestedAt")
            == i["status"].get("lastHandledRequest")
            and i["metadata"].get("annotations", {}).get(f"{GROUP}/resetAt")
            == i["status"].get("lastHandledReset")
            for i in items
            if i["metadata"]["name"] != "frank"
        )

    until(calm, 60, "something goes on")
