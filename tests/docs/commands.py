"""Where the commands of each page are run."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages import tables

# Each in its order, on a real node with the chart installed: tests/e2e/test_pages.py.
ON_A_NODE = (
    "integration.md",
    "plugin.md",
    "scheduler.md",
    "operating.md",
    "security.md",
)
# What needs more than that node, or less, and which test runs it.
ELSEWHERE = {
    "getting-started.md": "tests/e2e/test_getting_started.py",
    "performance.md": "tests/docs/test_make_targets.py",
    "releasing.md": "tests/supply/test_releasing.py",
    "reliability.md": "tests/docs/test_make_targets.py",
    "requests.md": "tests/docs/test_accepted.py",
    "example-plugin/README.md": "tests/runner/test_third_party.py",
    "plugins/github.md": "tests/docs/test_accepted.py",
    "plugins/rest.md": "tests/docs/test_accepted.py",
    "plugins/spotify.md": "tests/docs/test_spotify_login.py",
}
# Pages with tests of their own, which say where.
WITH_TESTS_OF_THEIR_OWN = frozenset({"kubectl-spark.md", "observability.md"})


def looks(page: Path) -> list[str]:
    """The commands of the column `look`."""
    return [
        row[1].strip("`")
        for header, *rest in tables(page)
        if header[:2] == ("symptom", "look")
        for row in rest
    ]
