"""The alerts as promtool judges them, and what the chart makes of them and of the dashboard."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.chart.support import CHART, ROOT, SERVED, Run
from tests.chart.test_chart import one, render

from spark_operator.serve.metrics import PREFIX

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"
TESTS = Path(__file__).with_name("alerts.yaml")
ON = (
    *SERVED,
    *("--set", "metrics.serviceMonitor.enabled=true"),
    *("--set", "metrics.prometheusRule.enabled=true"),
    *("--set", "metrics.dashboard.enabled=true"),
)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def judged(promtool: Path, tests: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, "test", "rules", tests], capture_output=True, text=True, check=False
    )


# ------------------------------------------------------------------ alerts


def test_each_alert_fires_at_its_time_and_clears(promtool: Path) -> None:
    result = judged(promtool, TESTS)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules()])
def test_the_tests_of_promtool_notice_an_alert_that_fires_never_or_always(
    promtool: Path, tmp_path: Path, alert: str
) -> None:
    for expression in ("vector(0) > 1", "vector(1)"):
        changed = yaml.safe_load(ALERTS.read_text())
        for rule in changed["groups"][0]["rules"]:
            if rule["alert"] == alert:
                rule["expr"] = expression
        (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(changed))
        tests = yaml.safe_load(TESTS.read_text())
        tests["rule_files"] = ["alerts.yaml"]
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
        assert judged(promtool, tmp_path / "tests.yaml").returncode != 0, (alert, expression)


def test_each_alert_says_what_it_means_how_bad_it_is_and_where_to_read_on() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == (
            f"docs/observability.md#{rule['alert'].lower()}"
        )


def test_the_rules_of_the_chart_are_those_that_promtool_has_tested(helm: Run) -> None:
    made = one(render(helm, *ON), "PrometheusRule")
    assert made["spec"] == yaml.safe_load(ALERTS.read_text())
    elsewhere = render(helm, *ON, "--set", "metrics.prometheusRule.runbook=https://x.example/o.md")
    urls = {
        rule["annotations"]["runbook_url"]
        for rule in one(elsewhere, "PrometheusRule")["spec"]["groups"][0]["rules"]
    }
    assert urls == {f"https://x.example/o.md#{rule['alert'].lower()}" for rule in rules()}


# ------------------------------------------------------------------ what is made


def test_prometheus_is_told_the_port_of_each_replica(helm: Run) -> None:
    objects = render(helm, *ON, "--set", "metrics.serviceMonitor.interval=10s")
    monitor, service = (
        one(objects, "ServiceMonitor"),
        one(objects, "Service", "spark-integrations-metrics"),
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": "metrics", "interval": "10s", "honorLabels": True}
    labels = service["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    pod = one(objects, "Deployment")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    (container,) = pod["spec"]["containers"]
    assert {"name": port["targetPort"], "containerPort": 8081} in container["ports"]
    assert "--metrics-port=8081" in container["args"]


def test_only_the_service_is_made_unless_the_rest_is_asked_for(helm: Run) -> None:
    kinds = {body["kind"] for body in render(helm)}
    assert "Service" in kinds
    assert not kinds & {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    off = render(helm, "--set", "metrics.service.enabled=false")
    assert "Service" not in {body["kind"] for body in off}


def test_what_is_made_has_the_labels_that_it_is_looked_for_by(helm: Run) -> None:
    objects = render(
        helm,
        *ON,
        *("--set", "metrics.serviceMonitor.labels.release=a"),
        *("--set", "metrics.prometheusRule.labels.release=b"),
        *("--set-string", "metrics.dashboard.labels.grafana_dashboard=2"),
    )
    assert one(objects, "ServiceMonitor")["metadata"]["labels"]["release"] == "a"
    assert one(objects, "PrometheusRule")["metadata"]["labels"]["release"] == "b"
    board = one(objects, "ConfigMap", "spark-integrations-dashboard")
    assert board["metadata"]["labels"]["grafana_dashboard"] == "2"


# ------------------------------------------------------------------ the dashboard


def queries() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def test_the_dashboard_of_the_chart_is_the_file(helm: Run) -> None:
    board = one(render(helm, *ON), "ConfigMap", "spark-integrations-dashboard")
    made = json.loads(board["data"]["spark-integrations.json"])
    assert made == json.loads(DASHBOARD.read_text())
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


def test_the_panels_of_the_dashboard_do_not_overlap_and_fill_the_width() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    height = 1 + max(y for _, y in taken)
    assert taken == {(x, y) for x in range(24) for y in range(height)}


def test_the_dashboard_asks_for_each_metric_of_ours() -> None:
    """When this fails for a new metric: show it, or somebody will have to know of it by heart."""
    asked = set(re.findall(rf"{PREFIX}_[a-z_]+", " ".join(queries())))
    listed = (ROOT / "docs" / "observability.md").read_text()
    known = {f"{PREFIX}_{name}" for name in re.findall(rf"^\| `{PREFIX}_([a-z_]+)`", listed, re.M)}
    shown = {name.removesuffix("_bucket") for name in asked}
    not_worth_a_panel = {f"{PREFIX}_build_info", f"{PREFIX}_scheduler_exists"}
    assert shown == known - not_worth_a_panel
