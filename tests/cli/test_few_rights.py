"""A user with rights in one namespace only: each command does what these rights allow, and says what not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.support import Spark, account
from tests.operator.support import NEVER_AGAIN, QUICK, fails
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OURS = {"apiGroups": ["spark-integrations.dev"], "verbs": ["get", "list", "watch", "patch"]}


@pytest.fixture(scope="module", autouse=True)
def some(world: World) -> None:
    world.make("fresh", fate=QUICK, updateFrequencyMinutes=60)
    world.make("broken", fate=fails(message="The host is down."), **NEVER_AGAIN)
    world.make("paused", suspend=True)
    world.wait_reason("fresh", "Fetched")
    world.wait_reason("broken", "BackingOff")
    world.wait_reason("paused", "Suspended")


def bound(world: World, name: str, rules: list[Mapping[str, Any]], folder: Path) -> Spark:
    """Somebody with these rights in the world's namespace, and none beyond it."""
    path = account(world, name, [], folder)
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": world.namespace}
    role = {"metadata": {"name": name}, "rules": rules}
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [subject],
    }
    for plural, body in (("roles", role), ("rolebindings", binding)):
        world.objects.create_namespaced_custom_object(group, "v1", world.namespace, plural, body)
    return Spark(path, world.namespace)


def test_doctor_tells_what_it_may_see(world: World, tmp_path: Path) -> None:
    rules = [{**OURS, "resources": ["integrations"]}]
    answer = bound(world, "doctored", rules, tmp_path)("doctor", "-o", "json")
    assert answer.code == 0, answer.out
    told = {f["subject"]: f["level"] for f in answer.json}
    assert told["API server"] == "ok"
    assert told["clock of this machine"] == "ok"
    assert (told["Scheduler"], told["Plugins"]) == ("warn", "warn")
    assert "Integrations" not in told
    blind = bound(world, "blind", [], tmp_path)("doctor", "-o", "json")
    told = {f["subject"]: f["level"] for f in blind.json}
    assert (told["API server"], told["Integrations"]) == ("ok", "warn")
    assert blind.code == 1, "without the right to list Integrations no command works"


def test_without_the_plugins_the_status_tells_what_is_due(world: World, tmp_path: Path) -> None:
    user = bound(world, "no-plugins", [{**OURS, "resources": ["integrations"]}], tmp_path)
    listed = user("schedule")
    assert listed.code == 0, listed.err
    assert "You may not list Plugins" in listed.err
    assert listed.table["fresh"][2] == world.status("fresh")["nextUpdateAt"]
    assert listed.table["paused"][-2:] == ["never", "Suspended"]
    checked = user("check")
    assert checked.code == 0, checked.err
    told = {name: row[1:3] for name, row in checked.table.items()}
    assert told == {
        "fresh": ["Wait", "Fetched"],
        "broken": ["Wait", "BackingOff"],
        "paused": ["Hold", "Suspended"],
    }
    answer = user("fetch", "fresh", "--force", "--wait")
    assert answer.code == 0, answer.err
    assert "not due" in user("fetch", "fresh").out
    manifest = f"""
apiVersion: spark-integrations.dev/v1
kind: Integration
metadata: {{name: fresh, namespace: {world.namespace}}}
spec: {{service: nosuch}}
"""
    judged = user("validate", "-", stdin=manifest)
    assert "those of this version count" in judged.err


def test_without_the_scheduler_nothing_is_told_that_depends_on_it(
    world: World, tmp_path: Path
) -> None:
    jobs = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"]}
    plugins = {**OURS, "resources": ["integrations", "plugins"]}
    path = account(world, "no-scheduler", [plugins, jobs], tmp_path)
    # In a namespace that nobody watches, what is due stays so.
    elsewhere = f"{world.namespace}-hidden"
    world.core.create_namespace({"metadata": {"name": elsewhere}})
    body = {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Integration",
        "metadata": {"name": "due"},
        "spec": {"service": world.namespace},
    }
    world.objects.create_namespaced_custom_object(
        "spark-integrations.dev", "v1", elsewhere, "integrations", body
    )
    answer = Spark(path, elsewhere)("check")
    assert answer.code == 0, answer.err
    assert answer.table["due"][1] == "Start", (
        "no claim is looked for that the Scheduler may not name"
    )
    assert "You may not read Schedulers" in answer.err


def test_who_may_view_may_see_the_scheduler() -> None:
    """As the chart grants it: else check and schedule would leave out what it decides."""
    role = next(
        d
        for d in yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text())
        if d and d["kind"] == "ClusterRole" and d["metadata"]["name"] == "spark-integrations-view"
    )
    (rule,) = role["rules"]
    assert {"integrations", "plugins", "schedulers"} <= set(rule["resources"])
    assert {"get", "list", "watch"} <= set(rule["verbs"])
