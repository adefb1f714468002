"""What `helm test` makes, and in which order: read from the chart, without a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from tests.chart.support import CHART, Run

pytestmark = pytest.mark.apiserver

Object = dict[str, Any]


def of_the_test(helm: Run, *options: str) -> list[Object]:
    """In the order of Helm, which ends nothing before what lies before it has ended."""
    command = ("template", "spark-integrations", str(CHART), "--namespace", "apps")
    only = ("--show-only", "templates/tests/fetch.yaml")
    made = [b for b in yaml.safe_load_all(helm(*command, *only, *options).stdout) if b]
    return sorted(made, key=lambda b: int(b["metadata"]["annotations"]["helm.sh/hook-weight"]))


def test_of_what_helm_test_makes_the_integration_goes_first_and_comes_when_all_is_there(
    helm: Run,
) -> None:
    """A claim goes after the pods that name it, and whoever deletes it waits: so before it goes the
    Integration. But one without its claim would be refused: so what comes first fetches nothing."""
    first, *between, last, pod = of_the_test(helm)
    assert {b["kind"] for b in between} == {
        *("PersistentVolumeClaim", "ServiceAccount", "Role", "RoleBinding"),
    }
    assert (first["kind"], last["kind"], pod["kind"]) == ("Integration", "Integration", "Pod")
    assert first["metadata"]["name"] == last["metadata"]["name"]
    assert first["spec"]["suspend"] is True
    assert "suspend" not in last["spec"]
    weights = [b["metadata"]["annotations"]["helm.sh/hook-weight"] for b in (first, last, pod)]
    assert weights == ["-3", "-1", "0"]
    assert {b["metadata"]["annotations"]["helm.sh/hook-weight"] for b in between} == {"-2"}


@pytest.mark.parametrize(
    ("options", "claimed", "destination"),
    [
        ({}, True, {"type": "duckdb", "claimName": "spark-integrations-test"}),
        ({"test.claim.create": False}, False, None),
        (
            {"test.integration.destination": {"type": "postgres", "secretName": "warehouse"}},
            False,
            {"type": "postgres", "secretName": "warehouse"},
        ),
        (
            {"test.integration.destination": {"type": "duckdb", "claimName": "mine"}},
            False,
            {"type": "duckdb", "claimName": "mine"},
        ),
        (
            {
                "test.integration.destination": {
                    "type": "filesystem",
                    "claimName": "spark-integrations-test",
                }
            },
            True,
            {"type": "filesystem", "claimName": "spark-integrations-test"},
        ),
    ],
)
def test_a_claim_is_made_for_a_test_that_writes_to_it(
    helm: Run, options: Object, claimed: bool, destination: Object | None
) -> None:
    words = (w for k, v in options.items() for w in ("--set-json", f"{k}={json.dumps(v)}"))
    made = of_the_test(helm, *words)
    assert ("PersistentVolumeClaim" in {b["kind"] for b in made}) is claimed
    *_, fetched, _ = made
    assert fetched["spec"].get("destination") == destination


def test_helm_waits_longer_than_its_test_if_it_is_told_nothing() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    helms_own_timeout_seconds = 300
    assert values["test"]["timeoutSeconds"] + 60 < helms_own_timeout_seconds
