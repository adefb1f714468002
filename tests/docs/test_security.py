"""The rights on the page of security are those that the chart grants, no more and no fewer."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

import pytest
import yaml
from dev.toolchain import Toolchain
from tests.chart.support import CHART
from tests.support.pages import DOCS, ROOT, blocks, tables

NAME = "spark-integrations"
Rule = tuple[str, tuple[str, ...], tuple[str, ...]]


@pytest.fixture(scope="module")
def roles() -> dict[tuple[str, str], dict[str, Any]]:
    rendered = subprocess.run(
        [Toolchain().path("helm"), "template", NAME, CHART, "--namespace", NAME],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    bodies = [body for body in yaml.safe_load_all(rendered) if body]
    return {(body["kind"], body["metadata"]["name"]): body for body in bodies}


def words(cell: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"`([^`]+)`", cell)))


def shown(*header: str) -> list[list[tuple[str, ...]]]:
    return [rest for first, *rest in tables(DOCS / "security.md") if first == header]


def granted(role: dict[str, Any]) -> list[Rule]:
    return sorted(
        (group or "core", tuple(sorted(rule["resources"])), tuple(sorted(rule["verbs"])))
        for rule in role["rules"]
        for group in rule["apiGroups"]
    )


def written(rows: list[tuple[str, ...]]) -> list[Rule]:
    return sorted((group.strip("`"), words(on), words(verbs)) for group, on, verbs in rows)


def test_the_operators_rights(roles: dict[tuple[str, str], dict[str, Any]]) -> None:
    everywhere, in_its_namespace = shown("API group", "resources", "verbs")
    assert written(everywhere) == granted(roles["ClusterRole", NAME])
    own = roles["Role", NAME]
    assert written(in_its_namespace) == granted(own)
    of_its_name = [row for row in in_its_namespace if "of its own name" in row[1]]
    assert len(of_its_name) == sum("resourceNames" in rule for rule in own["rules"])


def test_the_rights_of_users(roles: dict[tuple[str, str], dict[str, Any]]) -> None:
    (rows,) = shown("role", "API group", "resources", "verbs")
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    found = []
    for (kind, name), body in roles.items():
        if kind == "ClusterRole" and name != NAME:
            labels = body["metadata"]["labels"]
            to = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
            found += [(tuple(sorted(to)), *rule) for rule in granted(body)]
    assert sorted((words(role), *written([tuple(rest)])[0]) for role, *rest in rows) == sorted(
        found
    )


def test_each_threat_has_a_test_that_is_there() -> None:
    (rows,) = shown("threat", "control", "test")
    assert len(rows) >= 12
    for threat, _, named in rows:
        file, _, name = named.strip("`").partition("::")
        tree = ast.parse((ROOT / file).read_text())
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert name in functions, f"{threat}: {named}"


def test_the_network_policy_of_the_page_is_that_of_the_file() -> None:
    (shown,) = [
        yaml.safe_load(block.text)
        for block in blocks(DOCS / "security.md", "yaml")
        if "kind: NetworkPolicy" in block.text
    ]
    policy = yaml.safe_load((ROOT / "manifests" / "policies" / "fetches.yaml").read_text())
    assert shown == policy


def test_what_cannot_be_prevented_is_said_first() -> None:
    first = (DOCS / "security.md").read_text().split("\n\n")[1]
    assert "Whoever may create Integrations in a namespace can read its Secrets" in first
    assert "Nothing can prevent that" in first
