"""``validate`` without a cluster: schema and rules, as the API server has them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chart.support import PLURALS
from tests.chart.support import crd as of_chart

from spark_cli.decide import cel, crd
from spark_cli.gather import manifests


def problems(spec: Any, kind: str = "Integration", **others: Any) -> list[str]:
    body = {"metadata": {"name": "alice"}, "spec": spec, **others}
    return crd.problems(body, crd.schema_of(of_chart(kind), "v1"))


def rules(node: Any) -> list[str]:
    """Every CEL rule of a schema."""
    if isinstance(node, dict):
        own = [r["rule"] for r in node.get("x-kubernetes-validations", ())]
        return own + [rule for part in node.values() for rule in rules(part)]
    return [rule for part in node for rule in rules(part)] if isinstance(node, list) else []


def test_each_rule_of_an_integration_is_judged_and_those_left_to_the_server_are_known() -> None:
    left = {kind: crd.unread(crd.schema_of(of_chart(kind), "v1")) for kind in PLURALS}
    assert left["Integration"] == []
    assert len(rules(of_chart("Integration"))) == 8
    for kind in ("Plugin", "Scheduler"):
        for rule in left[kind]:
            assert rule in rules(of_chart(kind))
            assert "self.type" not in rule


@pytest.mark.parametrize(
    ("rule", "value", "kept"),
    [
        ("self.a == 'x' || has(self.b)", {"a": "x"}, True),
        ("self.a == 'x' || has(self.b)", {"a": "y"}, False),
        ("self.a == 'x' || has(self.b)", {"a": "y", "b": 1}, True),
        ("self.a == 'x' && !has(self.b)", {"a": "x", "b": 1}, False),
        ("!(self.a != 'x')", {"a": "x"}, True),
        # && binds more than ||.
        ("self.a == '1' || self.a == '2' && has(self.b)", {"a": "1"}, True),
    ],
)
def test_a_rule_is_judged(rule: str, value: dict[str, Any], kept: bool) -> None:
    assert cel.holds(rule, value) is kept


@pytest.mark.parametrize("rule", ["size(self.a) < 3", "self.a", "self.a == ", "(self.b == 'x'"])
def test_what_is_not_known_of_the_language_is_not_guessed_at(rule: str) -> None:
    with pytest.raises(cel.Unreadable):
        cel.holds(rule, {"a": "x"})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "'service' is a required property"),
        ({"service": "Nope"}, "does not match"),
        ({"service": "rest", "servce": 1}, "unknown field servce"),
        ({"service": "rest", "timeoutSeconds": 5}, "less than the minimum"),
        ({"service": "rest", "timeoutSeconds": "60"}, "is not of type 'integer'"),
        ({"service": "rest", "retryDelaysSeconds": [0]}, "spec.retryDelaysSeconds[0]"),
        ({"service": "rest", "destination": {"type": "mysql"}}, "is not one of"),
        ({"service": "rest", "destination": {"type": "postgres"}}, "needs secretName"),
        (
            {"service": "rest", "destination": {"type": "duckdb", "secretName": "x"}},
            "takes no secretName",
        ),
    ],
)
def test_what_the_api_server_would_refuse_is_told(spec: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems(spec)), problems(spec)


def test_a_config_may_hold_what_its_plugin_knows() -> None:
    assert problems({"service": "rest", "config": {"any": {"thing": [1]}}}) == []


def test_a_name_and_a_spec_are_needed_and_nothing_else_is_known() -> None:
    schema = crd.schema_of(of_chart("Integration"), "v1")
    assert "metadata.name: is required" in crd.problems({"spec": {"service": "x"}}, schema)
    assert crd.problems({"metadata": {"name": "x"}}, schema) == ["spec: is required"]
    assert "data: unknown field" in problems({"service": "rest"}, data={})


def test_the_bundled_files_are_those_of_the_chart() -> None:
    assert manifests.bundled_crds() == {kind: of_chart(kind) for kind in PLURALS}
    assert {body["metadata"]["name"] for body in manifests.bundled_plugins()} >= {"rest", "github"}
