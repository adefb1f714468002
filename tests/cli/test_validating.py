"""``validate``: with a cluster its API server judges, without one the same comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.support import Answer, Spark
from tests.support.world import World

EXAMPLES = Path(__file__).parents[2] / "manifests" / "examples"
OFFLINE = Spark("/nonexistent")


def integration(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Integration",
        "metadata": {"name": "alice"},
        "spec": {"service": "open-meteo", "config": {"latitude": 1, "longitude": 2}, **changes},
    }


def validate(spark: Spark, body: Any, *options: str) -> Answer:
    return spark("validate", "-", *options, stdin=yaml.safe_dump(body))


def test_the_examples_are_valid_and_other_kinds_are_left_alone() -> None:
    answer = OFFLINE("validate", "--offline", str(EXAMPLES))
    assert answer.code == 0
    assert "spotify-to-postgres.yaml" in answer.out
    assert "of other kinds were not looked at" in answer.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"timeoutSeconds": 5}, "spec.timeoutSeconds"),
        ({"servce": 1}, "servce"),
        ({"destination": {"type": "postgres"}}, "needs secretName"),
        ({"destination": {"type": "mysql"}}, "mysql"),
        ({"config": {"latitude": 1}}, "'longitude' is a required property"),
        ({"config": {"latitude": 1, "longitude": 2, "x": 1}}, "x"),
        ({"service": "nosuch"}, 'no Plugin "nosuch"'),
        ({"service": "github", "config": {}}, "spec.config"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], said: str) -> None:
    answer = validate(OFFLINE, integration(**changes), "--offline")
    assert answer.code == 1
    assert "- : Integration alice: invalid".replace("- :", "-:") in answer.out
    assert said in answer.out


def test_annotations_are_judged_by_the_parser_of_the_operator() -> None:
    body = integration()
    body["metadata"]["annotations"] = {
        "spark-integrations.dev/requestedAt": "1",
        "spark-integrations.dev/requestedMode": "backfill",
        "spark-integrations.dev/requestedSince": "20260101",
    }
    answer = validate(OFFLINE, body, "--offline")
    assert answer.code == 1
    assert "requestedSince" in answer.out


def test_a_plugin_whose_schema_is_none_and_one_for_the_integrations_beside_it(
    tmp_path: Path,
) -> None:
    plugin = {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Plugin",
        "metadata": {"name": "shop"},
        "spec": {"title": "Shop", "configSchema": {"type": "object", "required": ["url"]}},
    }
    body = [plugin, integration(service="shop", config={})]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(body))
    answer = OFFLINE("validate", "--offline", str(tmp_path))
    assert answer.code == 1
    assert "Plugin shop: ok" in answer.out
    assert "'url' is a required property" in answer.out
    assert answer.err == "", "no rule is left to a cluster"
    plugin["spec"]["configSchema"]["type"] = "nothing"
    broken = validate(OFFLINE, plugin, "--offline")
    assert broken.code == 1
    assert "is not a JSON Schema" in broken.out


def test_what_cannot_be_read_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [b\nsecret: hunter2")
    for path, said in (
        (str(tmp_path / "bad.yaml"), "this is no YAML"),
        (str(tmp_path / "nope"), "cannot be read"),
        (str(tmp_path / "empty"), "cannot be read"),
    ):
        answer = OFFLINE("validate", "--offline", path)
        assert answer.code == 1
        assert said in answer.err
        assert "hunter2" not in answer.err
    (tmp_path / "cm.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
    answer = OFFLINE("validate", "--offline", str(tmp_path / "cm.yaml"))
    assert answer.code == 1
    assert "no Integration, Plugin or Scheduler" in answer.err


@pytest.mark.apiserver
@pytest.mark.slow
def test_with_a_cluster_the_same_is_refused_and_nothing_is_made(spark: Spark, world: World) -> None:
    def both(**changes: Any) -> tuple[int, int]:
        body = integration(service=world.namespace, config={}, **changes)
        offline = {
            "apiVersion": "spark-integrations.dev/v1",
            "kind": "Plugin",
            "metadata": {"name": world.namespace},
            "spec": {"title": "Demo", "configSchema": {"type": "object"}},
        }
        without = OFFLINE("validate", "--offline", "-", stdin=yaml.safe_dump_all([offline, body]))
        return validate(spark, body).code, without.code

    assert both() == (0, 0)
    for changes in (
        {"timeoutSeconds": 5},
        {"timeoutSeconds": "60"},
        {"servce": 1},
        {"destination": {"type": "postgres"}},
        {"destination": {"type": "duckdb", "secretName": "x"}},
        {"destination": {"type": "filesystem", "bucketUrl": "s3://abcd"}},
        {"destination": {"type": "duckdb", "dataset": "No"}},
        {"retryDelaysSeconds": [0]},
        {"retryDelaysSeconds": [1] * 11},
        {"credentialsSecretName": "No_Secret"},
        {"suspend": "yes"},
    ):
        assert both(**changes) == (1, 1), changes
    assert spark("list", "alice").code == 1, "a validation made it"
    told = validate(spark, integration(service="nosuch"))
    assert told.code == 1
    assert 'no Plugin "nosuch"' in told.out


@pytest.mark.apiserver
@pytest.mark.slow
def test_what_kubectl_gives_is_valid(spark: Spark, world: World, apiserver: Any) -> None:
    world.make("there", suspend=True)
    given = apiserver.kubectl("get", "integration", "there", "-n", world.namespace, "-o", "yaml")
    text = given if isinstance(given, str) else given.stdout
    answer = spark("validate", "-", stdin=text)
    assert answer.code == 0, answer.out
