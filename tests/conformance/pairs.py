"""The bundled plugins' adapters, and how often a fetch of each is killed for each destination."""

from __future__ import annotations

from tests.conformance.adapters.rest import RestAdapter
from tests.conformance.adapters.rss import RssAdapter

from spark_plugins.testing.adapter import Adapter

ADAPTERS: tuple[type[Adapter], ...] = (RestAdapter, RssAdapter)

KILLS = 3
MANY_KILLS = 100


def kills(plugin: str, target: str, many: int = MANY_KILLS) -> int:
    return many if plugin == "rest" and target in ("postgres", "duckdb") else KILLS
