"""The bundled plugins' adapters, and how often a fetch of each is killed for each destination."""

from __future__ import annotations

from tests.conformance.adapters.github import GitHubAdapter
from tests.conformance.adapters.ical import IcalAdapter
from tests.conformance.adapters.open_meteo import OpenMeteoAdapter
from tests.conformance.adapters.rest import RestAdapter
from tests.conformance.adapters.rss import RssAdapter
from tests.conformance.adapters.spotify import SpotifyAdapter

from spark_plugins.testing.adapter import Adapter

ADAPTERS: tuple[type[Adapter], ...] = (
    RestAdapter,
    RssAdapter,
    GitHubAdapter,
    IcalAdapter,
    OpenMeteoAdapter,
    SpotifyAdapter,
)

KILLS = 3
MANY_KILLS = 100


def kills(plugin: str, target: str, many: int = MANY_KILLS) -> int:
    return many if plugin == "rest" and target in ("postgres", "duckdb") else KILLS
