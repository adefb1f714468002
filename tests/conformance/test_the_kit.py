"""The kit finds what it is there to find: a plugin for each flaw fails, the same without it passes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from spark_plugins.testing import Answer, Request, json_answer
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.conformance import Nonconformity, checks
from spark_plugins.testing.scene import Scene
from spark_plugins.testing.targets import DuckDb

HERE = Path(__file__).parent
TOKEN = "canary-55e1-bad-token"

pytestmark = pytest.mark.slow


class BadAdapter(Adapter):
    plugin = "bad"
    table, key, value = "items", "id", "text"
    credentials: ClassVar = {"token": TOKEN}
    # It does neither: what an adapter promises must be seen to hold.
    skips = "unchanged records"
    removes = True

    def __init__(self, distribution: Path, flaw: str) -> None:
        self.python_path = (HERE, distribution)
        self.flaw = flaw

    def config(self, url: str) -> dict[str, Any]:
        return {"url": url, "flaw": self.flaw}

    def answer(self, request: Request, scene: Scene) -> Answer:
        pages = scene.pages()
        number = int(request.query["page"])
        items = [{"id": record.number, "text": record.text} for record in pages[number - 1]]
        return json_answer({"items": items, "next": number + 1 if number < len(pages) else 0})


def install(folder: Path, name: str, leads_to: str) -> Path:
    """What `pip install` leaves of a distribution that brings a plugin."""
    info = folder / f"{name}-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[spark_integrations.plugins]\n{name} = {leads_to}\n")
    return folder


@pytest.fixture
def distribution(tmp_path):
    return install(tmp_path / "path", "bad", "bad_plugin:Bad")


@pytest.fixture
def check(distribution, tmp_path):
    def check(flaw: str, name: str, kills: int = 0) -> str:
        adapter = BadAdapter(distribution, flaw)
        (found,) = checks(adapter, DuckDb(), kills=kills, only=lambda known: known == name)
        return found.run(tmp_path)

    return check


@pytest.mark.parametrize(
    ("flaw", "name", "words"),
    [
        ("appends", "401", "write disposition merge"),
        ("makes up its keys", "401", "10 are too many"),
        ("swallows errors", "401", "401 ends with exit 0 instead of 10"),
        ("swallows errors", "500 on page 2", "ends with exit 0 instead of 1"),
        ("swallows errors", "429 seconds", "ends with exit 0 instead of 11"),
        ("sleeps through SIGTERM", "SIGTERM", "it runs on for"),
        ("prints its token", "401", "the credential token is seen in log or message"),
        ("stores its token", "no credential", "the credential token is seen in the records"),
        ("stops at an empty page", "empty page", "missing"),
        ("", "nothing has changed", "10 of 10 records are loaded again"),
        ("", "one record has changed", "10 of 10 records are loaded again"),
        ("", "records removed", "2 are too many"),
    ],
)
def test_a_bad_plugin_is_found_out(check, flaw, name, words):
    with pytest.raises(Nonconformity, match=words):
        check(flaw, name)


@pytest.mark.parametrize(
    "name", ["401", "500 on page 2", "429 seconds", "SIGTERM", "no credential", "empty page"]
)
def test_the_same_plugin_without_its_flaws_passes(check, name):
    check("", name)


@pytest.mark.parametrize(
    "name", ["429 seconds", "duplicate page", "clock ahead", "one record has changed"]
)
def test_the_example_of_an_author_passes(tmp_path, name):
    page = (HERE.parents[1] / "docs" / "writing-a-plugin.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (plugin,) = (block for block in blocks if "class Weather:" in block)
    (adapter,) = (block for block in blocks if "class WeatherAdapter" in block)
    path = install(tmp_path / "path", "weather", "spark_weather:Weather")
    (path / "spark_weather.py").write_text(plugin)
    shown: dict[str, Any] = {}
    exec(adapter, shown)
    weather = shown["WeatherAdapter"]()
    weather.python_path = (path,)
    (check,) = checks(weather, DuckDb(), only=lambda known: known == name)
    check.run(tmp_path)
