"""``validate`` without a cluster: schema and rules, as the API server has them."""

from __future__ import annotations

import contextlib
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


def test_each_rule_that_one_state_decides_is_judged() -> None:
    found = {kind: rules(of_chart(kind)) for kind in PLURALS}
    assert {kind: len(texts) for kind, texts in found.items()} == {
        "Integration": 8,
        "Plugin": 5,
        "Scheduler": 9,
    }
    for texts in found.values():
        for rule in texts:
            if "oldSelf" not in rule:
                # A rule that is none would raise CELParseError.
                with contextlib.suppress(cel.Refused):
                    cel.holds(rule, {})


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
        ("self.a >= self.b", {"a": 15, "b": 60}, False),
        ("self.size() <= 3 && !self.contains('.')", "abc", True),
        ("self.size() <= 3 && !self.contains('.')", "a.b", False),
        ("!self.startsWith('.') && !self.startsWith('-')", ".a", False),
        ("self.all(key, key.matches('^[a-z]+$'))", {"a": "1", "b": "2"}, True),
        ("self.all(key, key.matches('^[a-z]+$'))", {"a": "1", "B": "2"}, False),
        ("isIP(self) || isCIDR(self)", "10.1.2.3", True),
        ("isIP(self) || isCIDR(self)", "fd00::/8", True),
        ("isIP(self) || isCIDR(self)", "10.1.2.300", False),
        ("isIP(self)", "10.1.0.0/16", False),
        ("isIP(self)", "fe80::1%eth0", False),
        ("isCIDR(self)", "10.1.2.3", False),
        ("isCIDR(self)", "10.1.2.3/8", True),
        ("isCIDR(self)", "10.1.2.3/33", False),
        ("isCIDR(self)", "::ffff:10.0.0.0/104", False),
    ],
)
def test_a_rule_is_judged(rule: str, value: Any, kept: bool) -> None:
    assert cel.holds(rule, value) is kept


def test_what_cannot_be_evaluated_is_refused() -> None:
    with pytest.raises(cel.Refused):
        cel.holds("self.a == 'x'", {})


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        # The default of the one is below the other, which is given.
        (
            "Plugin",
            {"title": "X", "configSchema": {}, "minUpdateFrequencyMinutes": 60},
            "spec: defaultUpdateFrequencyMinutes (15 when not given) must not be below",
        ),
        (
            "Plugin",
            {"title": "X", "configSchema": {}, "credentials": [{"name": "a"}, {"name": "..b"}]},
            "spec.credentials[1].name: a key cannot be",
        ),
        (
            "Scheduler",
            {"podTemplate": {"nodeSelector": {"not a key": "x"}}},
            "a key of nodeSelector is no valid label key",
        ),
        (
            "Scheduler",
            {"destination": {"type": "postgres"}},
            "spec.destination.secretName: a postgres destination needs secretName",
        ),
    ],
)
def test_rules_are_judged_wherever_they_stand(kind: str, spec: Any, said: str) -> None:
    assert any(said in problem for problem in problems(spec, kind)), problems(spec, kind)


def test_a_rule_of_the_whole_object_is_judged() -> None:
    body = {"metadata": {"name": "a.b"}, "spec": {"title": "X", "configSchema": {}}}
    (problem,) = crd.problems(body, crd.schema_of(of_chart("Plugin"), "v1"))
    assert problem.startswith("the object: the name of a Plugin has at most 63 characters")


def test_what_has_a_default_may_be_left_out_and_is_not_written_into_the_manifest() -> None:
    body: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"service": "rest"}}
    assert crd.problems(body, crd.schema_of(of_chart("Integration"), "v1")) == []
    assert body["spec"] == {"service": "rest"}


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
