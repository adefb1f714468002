"""What users and administrators may get wrong: it is said in a sentence, and all others go on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.operator.support import (
    QUICK,
    beats,
    fails,
    plugin,
    runs,
)
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

# configSchema → what is wrong with it; each passes the CRD, and most pass JSON Schema's own schema.
BROKEN_SCHEMAS: dict[str, dict[str, Any]] = {
    "no-type": {"type": "banana"},
    "no-regex": {"properties": {"a": {"pattern": "("}}},
    "to-nowhere": {"$ref": "#/definitions/none"},
    "to-no-schema": {"title": "x", "$ref": "#/title"},
    "to-itself": {"$ref": "#"},
    "to-elsewhere": {"$ref": "http://schema.example/config.json"},
    "no-dialect": {"$schema": "http://[", "type": "object"},
}


@pytest.fixture(scope="module", autouse=True)
def without_claim(world: World) -> str:
    """What is looked for every 15 s begins with the module; with what is said of it at first."""
    world.make("file", fate=QUICK, destination={"type": "duckdb", "claimName": "disk"})
    said: str = world.wait_reason("file", "InvalidConfig", seconds=5)["message"]
    claim = {
        "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    return said


def test_an_unknown_service_is_fetched_as_soon_as_its_plugin_is_there(world: World) -> None:
    world.make("early", fate=QUICK, service=f"{world.namespace}-later")
    ready = world.wait_reason("early", "UnknownService", seconds=5)
    assert ready["status"] == "False"
    assert f'There is no Plugin "{world.namespace}-later"' in ready["message"]
    with plugin(world, "later"):
        assert world.wait_outcome("early", 1, seconds=10)["outcome"] == "Succeeded"
        world.wait_reason("early", "Fetched")
        assert world.condition("early", "Stalled")["status"] == "False"


@pytest.mark.parametrize("kind", BROKEN_SCHEMAS)
def test_a_schema_that_is_none_stops_its_own_service_only_and_until_it_is_mended(
    world: World, kind: str
) -> None:
    with plugin(world, kind, configSchema=BROKEN_SCHEMAS[kind]) as name:
        world.make(f"broken-{kind}", fate=QUICK, service=name)
        ready = world.wait_reason(f"broken-{kind}", "InvalidConfig", seconds=5)
        assert runs(world, f"broken-{kind}") == 0
        assert len(ready["message"]) < 600
        world.make(f"beside-{kind}", fate=QUICK)
        world.wait_outcome(f"beside-{kind}", 1, seconds=10)
        world.objects.patch_cluster_custom_object(
            GROUP, VERSION, "plugins", name, {"spec": {"configSchema": None}}
        )
        world.wait_outcome(f"broken-{kind}", 1, seconds=10)


def test_the_tick_goes_on_whatever_a_plugin_says(world: World) -> None:
    with plugin(world, "worst", configSchema=BROKEN_SCHEMAS["to-no-schema"]) as name:
        world.make("worst", fate=QUICK, service=name)
        world.make("neighbour", fate=fails(), retryDelaysSeconds=[1, 1])
        world.wait_outcome("neighbour", 3, seconds=20)
        beats(world, 1)
    world.delete("integration", "worst")


def test_a_config_of_more_than_16_kib_is_refused_until_it_is_smaller(world: World) -> None:
    world.make("large", fate={**QUICK, "note": "x" * 17_000})
    ready = world.wait_reason("large", "InvalidConfig", seconds=5)
    assert "at most 16384 are allowed" in ready["message"]
    assert "xxx" not in ready["message"]
    world.change("large", config={"dev.spark/note": "short"})
    world.wait_outcome("large", 1)


def test_the_scheduler_of_another_installation_changes_nothing(world: World) -> None:
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Scheduler",
        "metadata": {"name": "other"},
        "spec": {"suspend": True, "destination": {"type": "duckdb"}},
    }
    world.objects.create_namespaced_custom_object(
        GROUP, VERSION, world.namespace, "schedulers", body
    )
    world.make("ours", fate=QUICK)
    world.wait_outcome("ours", 1)
    world.delete("scheduler", "other")
    world.make("still-ours", fate=QUICK)
    world.wait_outcome("still-ours", 1)


def test_a_message_of_the_runner_is_cut_and_cleaned_before_anybody_sees_it(world: World) -> None:
    world.make(
        "rude", fate=fails(message="\x1b[31mred\u202e\n" + "y" * 2000), retryDelaysSeconds=[]
    )
    world.wait_outcome("rude", 1)
    until(lambda: bool(world.events("rude")), 5, "no Event")
    for said in (
        world.run("rude")["message"],
        world.condition("rude")["message"],
        world.events("rude")[0][2],
    ):
        assert said.isprintable()
        assert said.count("y") < 512


def test_a_config_that_the_schema_refuses_is_fetched_once_it_is_mended(world: World) -> None:
    schema = {"type": "object", "properties": {"pages": {"type": "integer"}}}
    with plugin(world, "paged", configSchema=schema) as service:
        world.make("wrong", fate=QUICK, service=service)
        world.wait_outcome("wrong", 1)
        world.change("wrong", config={"pages": "two"})
        ready = world.wait_reason("wrong", "InvalidConfig", seconds=5)
        assert "spec.config.pages" in ready["message"]
        world.change("wrong", config={"pages": 2})
        world.wait_reason("wrong", "Fetched")


def test_a_missing_volume_claim_is_said_and_noticed_when_it_is_there(
    world: World, without_claim: str
) -> None:
    assert 'no PersistentVolumeClaim "disk"' in without_claim
    until(lambda: world.run("file").get("number") == 1, 20)
