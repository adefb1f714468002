"""The tables of the kit say what ran, what failed, and why something means nothing."""

from __future__ import annotations

from tests.conformance.adapters.rss import RssAdapter

from spark_plugins.testing import report
from spark_plugins.testing.conformance import Counted, not_applicable
from spark_plugins.testing.report import Result
from spark_plugins.testing.targets import Bucket, DuckDb

GREEN = {
    ("rest", "duckdb"): {"401": Result("ok", Counted(rows=12), 1.26)},
    ("rss", "duckdb"): {
        "401": Result("ok", Counted(rows=10), 1.0),
        "kills": Result("ok", Counted(kills=3, places="3 loading", rows=15), 9.0),
        "records removed": Result("n/a", reason="an old entry is kept"),
    },
}


def with_cell(state):
    return GREEN | {("rest", "duckdb"): {"401": Result(state), "403": Result("ok")}}


def test_a_run_without_a_fault_passes_and_is_summed_up_with_its_counts():
    assert report.passed(GREEN)
    assert report.sentence(GREEN) == (
        "3 of 3 checks of 2 plugins and 1 destinations passed, with 3 kills and 37 rows compared."
    )


def test_one_check_that_failed_or_did_not_run_spoils_the_whole():
    assert not report.passed(with_cell("FAIL"))
    assert "3 of 4 checks" in report.sentence(with_cell("FAIL"))
    assert report.sentence(with_cell("FAIL")).endswith("but 1 failed.")
    assert not report.passed(with_cell("not run"))
    assert report.sentence(with_cell("not run")).endswith("but 1 did not run.")


def test_a_run_of_nothing_does_not_pass():
    assert not report.passed({})
    assert not report.passed({("rss", "s3"): {"401": Result("n/a", reason="none")}})


def test_each_cell_shows_its_counts_and_what_means_nothing_its_reason():
    lines = report.tables(GREEN).splitlines()
    assert "| 401  | ok (12 rows, 1.3 s) |" in lines
    assert "| kills           | ok (3 kills, 15 rows, 9.0 s) |" in lines
    assert "| records removed | n/a                          |" in lines
    assert "n/a: records removed: an old entry is kept" in lines
    (sums,) = (line for line in lines if line.startswith("| rss    | duckdb"))
    assert [cell.strip() for cell in sums.strip("|").split("|")] == [
        "rss",
        "duckdb",
        "2/2",
        "1",
        "3",
        "3 loading",
        "25",
        "10.0",
    ]


def test_what_means_nothing_for_a_pair_has_a_reason():
    found = not_applicable(RssAdapter(), DuckDb())
    assert "without pages" in found["500 on page 2"]
    assert "grown old" in found["records removed"]
    assert "nothing has changed" not in found
    assert "two at once" not in found
    assert "two at once" in not_applicable(RssAdapter(), Bucket("", "", "", ""))
