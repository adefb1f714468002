"""docs/observability.md holds what the code has: metrics, reasons, alerts, log fields, values."""

from __future__ import annotations

import json
import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from spark_operator.decide import freshness
from spark_operator.model.status import ErrorClass, EventReason, Mode, Reason
from spark_operator.serve import logs
from spark_operator.serve.metrics import DISPATCH_OUTCOMES, PREFIX
from tests.chart.support import SERVED, Server
from tests.chart.test_alerts import CHART, ROOT, rules
from tests.decide import make
from tests.serve.test_metrics import NOW, Replica, ended, ready, with_status

PAGE = (ROOT / "docs" / "observability.md").read_text()


def table(head: str) -> list[list[str]]:
    """The rows of each table that has this first column, without backticks."""
    found: list[list[str]] = []
    taking = False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            taking = False
        elif line.startswith(f"| {head} |"):
            taking = True
        elif taking and not line.startswith("|-"):
            found.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    assert found, f"there is no table of {head}"
    return found


def section(heading: str) -> str:
    _, found, rest = PAGE.partition(f"\n### {heading}\n")
    assert found, f"there is no section {heading}"
    return re.split(r"\n##+ ", rest)[0]


def busy() -> Replica:
    """A replica of which each metric has something to tell."""
    replica = Replica()
    conditions = (ready("Fetched"), ready("Fetched", "False", "Stalled"))
    replica.put("alice", status=with_status(conditions=conditions, next_update_at=NOW))
    replica.metrics.requested("get", "pods", "200")
    replica.metrics.ended("demo", ended(ErrorClass.TIMEOUT))
    replica.metrics.dispatched("demo", due_at=NOW - timedelta(seconds=1), now=NOW)
    return replica


def exposed() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric that a scrape holds; a histogram under its own name."""
    told = busy().scrape()
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for name, type_ in told.types.items():
        samples = {name, f"{name}_bucket"} if type_ == "histogram" else {name}
        labels = {label for s in told.samples if s.name in samples for label in s.labels}
        found[name] = (type_, frozenset(labels - {"le"}))
    return found


def test_each_metric_is_listed_with_its_type_and_labels_and_no_other_is() -> None:
    listed: dict[str, tuple[str, frozenset[str]]] = {}
    for name, type_, labels, unit, meaning in table("metric"):
        assert unit, name
        assert meaning, name
        assert name not in listed
        listed[name] = (type_, frozenset(re.findall(r"\w+", labels)))
    ours = {name: found for name, found in exposed().items() if name.startswith(PREFIX)}
    assert listed == ours


def test_promtool_has_nothing_to_blame_on_names_and_types(promtool: Path) -> None:
    text = busy().scrape().text
    command = [promtool, "check", "metrics"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_what_the_library_adds_is_listed_too() -> None:
    others = {name for name in exposed() if not name.startswith(PREFIX)}
    assert set(re.findall(r"`(process_\w+)`", PAGE)) == others


def test_each_metric_that_the_page_asks_for_exists() -> None:
    named = set(re.findall(rf"{PREFIX}_\w+", PAGE))
    assert {name.removesuffix("_bucket") for name in named} <= set(exposed())


def test_the_values_of_labels_are_those_of_the_code() -> None:
    by_name = {row[0]: row[4] for row in table("metric")}
    for outcome in DISPATCH_OUTCOMES:
        assert outcome in by_name[f"{PREFIX}_dispatch_total"]
    for mode in Mode:
        assert mode in by_name[f"{PREFIX}_run_total"]
    failing = section("SparkIntegrationsFailing")
    assert {class_ for class_ in ErrorClass if f"`{class_}`" in failing} == set(ErrorClass)


def test_each_reason_is_listed_with_what_to_do() -> None:
    rows = table("reason")
    assert all(all(row) for row in rows)
    listed = [row[0] for row in rows]
    assert listed == [*Reason, *EventReason]


def test_no_reason_of_an_event_alone_is_one_of_a_condition() -> None:
    assert not {*Reason} & {*EventReason}


def test_each_alert_has_a_section_that_says_what_it_means_and_how_to_mend_it() -> None:
    headings = re.findall(r"^### (SparkIntegrations\w+)$", PAGE, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        text = section(rule["alert"])
        parts = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
        assert parts == ["What it means", "Look first", "Likely causes", "Mend"]
        severity = {"critical": "as critical", "warning": "as a warning"}
        assert f"Fires after {rule['for']}, {severity[rule['labels']['severity']]}." in text


def test_each_link_within_the_page_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links
    assert links <= anchors
    assert {rule["annotations"]["runbook_url"].partition("#")[2] for rule in rules()} <= anchors


def test_the_fields_of_a_log_line_are_listed() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "m", (), None)
    record.__dict__.update(dict.fromkeys(logs.ABOUT, "x"))
    try:
        raise ValueError
    except ValueError:
        record.exc_info = sys.exc_info()
    written = json.loads(logs.JsonFormatter().format(record))
    listed = [name for row in table("field") for name in row[0].split(", ")]
    assert listed == ["time", "level", "logger", "message", *logs.ABOUT, "error"]
    assert set(listed) == set(written)


def _paths(values: dict[str, Any], prefix: str) -> set[str]:
    found = {prefix}
    for key, value in values.items():
        path = f"{prefix}.{key}"
        found |= _paths(value, path) if isinstance(value, dict) else {path}
    return found


def test_each_value_of_the_chart_for_metrics_is_told() -> None:
    values = _paths(yaml.safe_load((CHART / "values.yaml").read_text())["metrics"], "metrics")
    named = {name for row in table("value") for name in row[0].split(", ")}
    assert named <= values
    leaves = {v for v in values if not any(o.startswith(f"{v}.") for o in values)}
    assert {leaf for leaf in leaves if not any(leaf.startswith(name) for name in named)} == set()


@pytest.mark.parametrize("set_", sorted(set(re.findall(r"--set (metrics[\w.]+)=", PAGE))))
def test_what_the_page_sets_is_a_value(set_: str) -> None:
    values = _paths(yaml.safe_load((CHART / "values.yaml").read_text())["metrics"], "metrics")
    assert any(set_ == value or set_.startswith(f"{value}.") for value in values)


def test_the_age_at_which_data_is_stale_is_what_is_written() -> None:
    assert freshness.FREQUENCIES == 3
    assert "three times" in section("SparkIntegrationsStale")
    assert freshness.stale_at(make.fetched(NOW), make.plugin(), NOW) == NOW + timedelta(minutes=45)


def _commands() -> list[str]:
    """Each command of the page, on one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [c for block in blocks for c in block.replace("\\\n", " ").splitlines() if c]


@pytest.fixture(scope="module")
def server(apiserver: Any) -> Iterator[Server]:
    there = Server(apiserver.kubeconfig)
    there.install_crds()
    there.kubectl("create", "namespace", "spark-integrations")
    yield there
    there.kubectl("delete", "namespace", "spark-integrations", "--wait=false")


@pytest.mark.apiserver
@pytest.mark.parametrize("command", _commands())
def test_a_command_of_the_page_is_one_that_works(server: Server, command: str) -> None:
    """On an installation without pods: what needs them is only held against the words of the tool."""
    words = shlex.split(command.partition(" | ")[0])
    if words[:2] == ["helm", "upgrade"]:
        # The kinds of the Prometheus operator are not there: rendered, and not applied.
        words.remove("--reset-then-reuse-values")
        # Without a cluster Helm has to be told what the page's cluster serves.
        server.helm("template", *words[2:], *SERVED)
    elif words[:2] == ["kubectl", "logs"]:
        known = server.kubectl("logs", "--help").stdout
        flags = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert flags
        assert [flag for flag in flags if flag not in known] == []
    elif "lease" in words:
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "spark-integrations", "namespace": "spark-integrations"},
        }
        server.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        server.kubectl(*words[1:])
    else:
        assert words[:2] == ["kubectl", "get"]
        server.kubectl(*words[1:])
