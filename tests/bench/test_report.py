"""The table, the page and the plots."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.budgets import Metric
from bench.plot import Line, cumulative, svg

from bench import report

MACHINE = {
    "date": "2026-01-01",
    "cores": 2,
    "processor": "Some CPU",
    "kubernetes": "v1.36.3",
    "python": "3.11.2",
    "loadBefore": 0.1,
    "loadAfter": 2.0,
}


def test_a_row_has_gate_goal_and_verdict() -> None:
    rows = report.table(
        [
            Metric("dispatchesPerSecondToBare", 140.4, 1000, 1, 1000, 200),
            Metric("forceP99", 900.0, 10_000, 2, 200),
        ]
    ).splitlines()[2:]
    assert rows[0].endswith(
        "| 1 000 | 1 | 140 1/s | 200 1/s | 0.70 | ≥ 0.65 times | ≥ 0.8 times | gate |"
    )
    assert rows[1].endswith("| 10 000 | 2 | 900 ms |  |  | ≤ 500 | ≤ 150 | **missed** |")


def test_the_page_keeps_what_people_wrote_and_is_the_same_when_written_twice(
    tmp_path: Path,
) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n")
    metrics = [Metric("idleCpu", 0.1, 1000, 2, 1)]
    report.write_page(page, MACHINE, metrics, "| cpu |\n", ["performance/growth.svg"])
    once = page.read_text()
    report.write_page(page, MACHINE, metrics, "| cpu |\n", ["performance/growth.svg"])
    assert page.read_text() == once
    assert once.startswith("# Title\n")
    assert once.endswith("\n\nAfter.\n")
    assert "old" not in once
    assert "![growth](performance/growth.svg)" in once
    assert "2 cores of Some CPU" in once


def test_a_page_without_its_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Title\n")
    with pytest.raises(ValueError, match="lacks"):
        report.write_page(page, MACHINE, [], "", [])


@pytest.mark.parametrize("log_x", [False, True])
def test_every_point_of_a_plot_lies_within_the_picture(log_x: bool) -> None:
    lines = [Line("a < b", [(100, 5), (1000, 80), (10_000, 90)]), Line("c", [(100, 0.5)])]
    picture = ElementTree.fromstring(svg("t & u", "x", "y", lines, log_x=log_x))
    name = "{http://www.w3.org/2000/svg}"
    drawn = picture.findall(f"{name}polyline")
    assert len(drawn) == 2
    for line in drawn:
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 360


def test_a_line_of_many_is_thinned_and_keeps_its_ends() -> None:
    points = cumulative([float(n) for n in range(10_000)])
    assert len(points) <= 202
    assert points[0] == (0.0, 1.0)
    assert points[-1] == (9999.0, 10_000.0)
