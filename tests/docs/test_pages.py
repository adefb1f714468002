"""The pages hang together: links lead somewhere, values are the chart's, and each command is run somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs import commands
from tests.docs.test_kinds import table
from tests.support.pages import DOCS, ROOT, anchors, blocks, links, pages

CHART = ROOT / "charts" / "spark-integrations"


@pytest.mark.parametrize("page", [*pages(), ROOT / "README.md"], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if target.name in commands.WITH_TESTS_OF_THEIR_OWN and not target.exists():
            # The index names them; they come with what they are about.
            continue
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_index_names_every_page() -> None:
    named = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    here = {page for page in pages() if page.name != "README.md"}
    assert here - named == set()


def test_every_page_with_commands_is_run_by_a_test_that_is_there() -> None:
    with_commands = {
        str(page.relative_to(DOCS)) for page in pages() if blocks(page, "sh")
    } - commands.WITH_TESTS_OF_THEIR_OWN
    assert with_commands == {*commands.ON_A_NODE, *commands.ELSEWHERE}
    for test in commands.ELSEWHERE.values():
        assert (ROOT / test).is_file(), test


def test_no_block_hides_a_command_from_the_tests() -> None:
    """A shell is called `sh`, output `console`: nothing else would be run, or compared."""
    known = {"sh", "console", "yaml", "json", "toml", "python", "sql", "promql"}
    for page in pages():
        assert {block.language for block in blocks(page)} <= known, page
        assert page.read_text(encoding="utf-8").count("\n```") == 2 * len(blocks(page)), page


def observability() -> str:
    return (DOCS / "observability.md").read_text(encoding="utf-8")


def above(name: str) -> list[str]:
    """``a.b.c`` → a.b.c, a.b, a."""
    words = name.split(".")
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


def leaves(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Each value of the chart by its path; an empty map is a value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, f"{path}{key}.")
        else:
            found[path + key] = value
    return found


def test_each_value_of_the_chart_has_a_row_with_its_default() -> None:
    values = leaves(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")))
    # What is watched, and by what, has a page of its own, which names its values.
    of_metrics = {name for name in values if name.startswith("metrics.")}
    for name in of_metrics:
        assert any(f"`{value}`" in observability() for value in above(name)), name
        del values[name]
    shown = table(DOCS / "operating.md", "value", "default", "what it sets")
    assert set(shown) == set(values)
    for name, value in values.items():
        written = str(value).lower() if isinstance(value, bool) else str(value) or '""'
        assert shown[name][0] == f"`{written}`", name


def test_each_look_of_the_troubleshooting_is_one_command() -> None:
    looks = commands.looks(DOCS / "operating.md")
    assert len(looks) > 15
    for look in looks:
        assert re.match(r"kubectl \w+", look), look
