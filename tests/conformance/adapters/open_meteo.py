"""`open-meteo`: hours of one place; a record is an hour, and its versions are its forecasts."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from spark_plugins.testing import Answer, Request, json_answer
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class OpenMeteoAdapter(Adapter):
    plugin = "open-meteo"
    table, key, value = "hours", "time", "temperature_2m"
    paged = False
    without: ClassVar = {
        "nothing has changed": "a forecast has no version: each fetch brings the whole window",
        "one record has changed": "a forecast has no version: each fetch brings the whole window",
        "records removed": "an hour that has left the window has passed, and is kept",
        "no credential": "Open-Meteo asks for none",
    }

    def config(self, url: str) -> dict[str, Any]:
        return {"latitude": 52.5, "longitude": 13, "variables": ["temperature_2m"]}

    def addresses(self, url: str) -> dict[str, str]:
        return {"spark_plugins.open_meteo:API_URL": f"{url}/v1/forecast"}

    def answer(self, request: Request, scene: Scene) -> Answer:
        if request.path != "/v1/forecast":
            return Answer(404)
        records = scene.all()
        hourly: dict[str, Any] = {
            "time": [_unix(record) for record in records],
            "temperature_2m": [_temperature(record) for record in records],
        }
        if scene.drift:
            # Numbers as text, and a variable that nobody asked for.
            hourly["temperature_2m"] = [str(value) for value in hourly["temperature_2m"]]
            hourly["pressure"] = [None for _ in records]
        return json_answer({"hourly": hourly})

    def row(self, record: Record) -> tuple[str, str]:
        hour = dt.datetime.fromtimestamp(_unix(record), dt.UTC)
        return hour.isoformat(), str(_temperature(record))


def _unix(record: Record) -> int:
    return int((BEGIN + dt.timedelta(hours=record.number)).timestamp())


def _temperature(record: Record) -> float:
    return record.number + record.version / 1024
