"""The rights that doctor asks about are those that are needed, and that the chart grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spark_cli.decide import health
from spark_cli.decide.health import Where

INSTALL = Path(__file__).parents[2] / "manifests" / "install.yaml"
Granted = tuple[str, str, str, bool, bool]


def role(kind: str, name: str) -> list[dict[str, Any]]:
    for body in yaml.safe_load_all(INSTALL.read_text()):
        if body and (body["kind"], body["metadata"]["name"]) == (kind, name):
            rules: list[dict[str, Any]] = body["rules"]
            return rules
    raise AssertionError(f"there is no {kind} {name}")


def granted(rules: list[dict[str, Any]], *, own: bool) -> set[Granted]:
    return {
        (verb, group, resource, own, "resourceNames" in rule)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operators_are_those_that_the_chart_grants_no_more_and_no_less() -> None:
    chart = granted(role("ClusterRole", "spark-integrations"), own=False)
    chart |= granted(role("Role", "spark-integrations"), own=True)
    asked = {
        (
            right.verb,
            right.group,
            "/".join(filter(None, (right.resource, right.subresource))),
            right.where is Where.OWN,
            right.named,
        )
        for right in health.OF_THE_OPERATOR
    }
    assert asked == chart


def test_what_is_listed_in_all_namespaces_is_asked_about_there() -> None:
    by_resource = {(r.verb, r.resource): r for r in health.OF_THE_USER}
    assert by_resource["list", "plugins"].where is Where.EVERYWHERE
    assert by_resource["list", "schedulers"].where is Where.EVERYWHERE
    for verb in ("get", "list", "watch", "patch"):
        assert by_resource[verb, "integrations"].where is Where.CHOSEN
