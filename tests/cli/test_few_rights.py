"""A user with rights in one namespace only: each command does what these rights allow, and says what not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import Spark, account
from tests.operator.support import NEVER_AGAIN, QUICK, fails
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

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
