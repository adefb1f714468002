"""No clause of the admission policy stands there for nothing: without it, a Job of the table would pass."""

from __future__ import annotations

import copy
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from dev.toolchain import Toolchain
from kubernetes import client, config
from tests.security.clauses import without_each
from tests.security.edits import edited
from tests.security.harmful import CHANGES
from tests.security.shapes import SHAPES, job
from tests.support.account import CHART, holds, refusal
from tests.support.waiting import until

pytestmark = [pytest.mark.apiserver]


def test_the_clauses_of_an_expression_are_found_at_each_depth() -> None:
    expression = "a == 'x && y'\n && c.all(v, !has(v.d) && (v.?e ? f(g) && h : v[?'i'] || j))"
    assert dict(without_each(expression)) == {
        "a == 'x && y'": " true && c.all(v, !has(v.d) && (v.?e ? f(g) && h : v[?'i'] || j))",
        "!has(v.d)": "a == 'x && y' && c.all(v, true && (v.?e ? f(g) && h : v[?'i'] || j))",
        "f(g)": "a == 'x && y' && c.all(v, !has(v.d) && (v.?e ?  true && h : v[?'i'] || j))",
        "h": "a == 'x && y' && c.all(v, !has(v.d) && (v.?e ? f(g) && true  : v[?'i'] || j))",
        "(v.?e ? f(g) && h : v[?'i'] || j)": "a == 'x && y' && c.all(v, !has(v.d) && true )",
        "c.all(v, !has(v.d) && (v.?e ? f(g) && h : v[?'i'] || j))": "a == 'x && y' && true ",
    }


@dataclass(frozen=True)
class Weaker:
    """The policy without one clause, in force in a namespace of its own, there for everybody."""

    namespace: str
    message: str
    clause: str
    policy: dict[str, Any]

    def bodies(self) -> Iterator[dict[str, Any]]:
        name = {"name": self.namespace}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": name}
        yield self.policy
        yield {
            "apiVersion": self.policy["apiVersion"],
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": name,
            "spec": {"policyName": self.namespace, "validationActions": ["Deny"]},
        }


def policy() -> dict[str, Any]:
    command = [Toolchain().path("helm"), "template", "x", str(CHART)]
    command += ["--show-only", "templates/admission-policy.yaml"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = next(yaml.safe_load_all(rendered))
    assert found["metadata"]["name"].endswith("-jobs")
    return found


def weaker(whole: dict[str, Any], prefix: str) -> Iterator[Weaker]:
    for at, validation in enumerate(whole["spec"]["validations"]):
        cases = [*without_each(validation["expression"]), ("all of it", "true")]
        for number, (clause, expression) in enumerate(cases):
            made, name = copy.deepcopy(whole), f"{prefix}-{at}-{number}"
            made["metadata"] = {"name": name}
            made["spec"]["validations"][at]["expression"] = expression
            made["spec"]["matchConditions"] = [
                {"name": "here", "expression": f"request.namespace == '{name}'"}
            ]
            yield Weaker(name, validation["message"], clause, made)


@pytest.fixture(scope="module")
def jobs(apiserver: Any) -> Iterator[client.BatchV1Api]:
    """Of an administrator."""
    api = config.new_client_from_config(str(apiserver.kubeconfig))
    yield client.BatchV1Api(api)
    api.close()


@pytest.fixture(scope="module")
def mutants(
    apiserver: Any, jobs: client.BatchV1Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Weaker]]:
    made = list(weaker(policy(), f"weaker-{uuid.uuid4().hex[:6]}"))
    file = tmp_path_factory.mktemp("weaker") / "policies.yaml"
    file.write_text(yaml.safe_dump_all([body for one in made for body in one.bodies()]))
    apiserver.kubectl("apply", "--server-side", "-f", str(file))
    try:
        for one in made:
            until(lambda one=one: holds(jobs, one.namespace), 60, f"{one.namespace} is not held")
        yield made
    finally:
        apiserver.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(file))


def noticed(jobs: client.BatchV1Api, one: Weaker) -> bool:
    """Whether a Job passes that does not pass the whole policy, or the rest of it cannot be judged."""
    for _, shape, changes, says in CHANGES:
        if says in one.message:
            body = edited(job(one.namespace, **shape), changes)
            refused = refusal(jobs, one.namespace, body)
            if not refused or "no such key" in refused:
                return True
    return False


def test_without_any_of_its_clauses_something_passes(
    jobs: client.BatchV1Api, mutants: list[Weaker]
) -> None:
    assert len(mutants) > 80
    idle = [f"{one.message}: {one.clause}" for one in mutants if not noticed(jobs, one)]
    assert "\n".join(idle) == ""


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_clause_what_the_operator_makes_passes_too(
    jobs: client.BatchV1Api, mutants: list[Weaker], shape: str
) -> None:
    """Otherwise a clause could be noticed for the wrong reason."""
    one = mutants[0]
    assert refusal(jobs, one.namespace, job(one.namespace, **SHAPES[shape])) == ""
