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
