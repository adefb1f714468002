"""A sample of the conformance kit: every fault and a few kills into DuckDB.

`make conformance` runs all of it."""

from __future__ import annotations

import pytest
from tests.conformance.pairs import ADAPTERS

from spark_plugins.testing.conformance import checks
from spark_plugins.testing.targets import DuckDb, Files

pytestmark = pytest.mark.slow

_DUCKDB = [check for adapter in ADAPTERS for check in checks(adapter(), DuckDb(), kills=3, seed=7)]
# What merging does not do by itself, where the destination merges in a database of its own first.
_REMOVED_FROM_FILES = [
    check
    for adapter in ADAPTERS
    for check in checks(adapter(), Files(), only=lambda name: name == "records removed")
]


@pytest.mark.parametrize("check", [*_DUCKDB, *_REMOVED_FROM_FILES], ids=str)
def test_a_bundled_plugin_stands_every_fault(check, tmp_path):
    check.run(tmp_path)
