"""`open-meteo` from end to end: the example for authors is a plugin like any other."""

import json

import pytest

from spark_plugins.testing import Answer, json_answer

HOUR = 1795503600


def weather(*temperatures, start=HOUR):
    times = [start + 3600 * number for number in range(len(temperatures))]
    return json_answer({"hourly": {"time": times, "temperature_2m": list(temperatures)}})


@pytest.fixture
def meteo(pod, service):
    pod.service = "open-meteo"
    pod.config = {"latitude": 52.5, "longitude": 13, "variables": ["temperature_2m"]}
    pod.environment["TEST_ADDRESSES"] = json.dumps(
        {"spark_plugins.open_meteo:API_URL": f"{service.url}/v1/forecast"}
    )
    return pod


def test_each_hour_is_there_once_with_its_newest_forecast(meteo, service):
    service.on("/v1/forecast", weather(3, 4))
    assert meteo.fetch().message == {"rows": 2}
    service.on("/v1/forecast", weather(4.5, None, start=HOUR + 3600))
    assert meteo.fetch().message == {"rows": 2}
    assert meteo.rows(
        "SELECT epoch(time), latitude, longitude, temperature_2m FROM team_a_alice.hours ORDER BY time"
    ) == [
        (HOUR, 52.5, 13.0, 3.0),
        (HOUR + 3600, 52.5, 13.0, 4.5),
        (HOUR + 7200, 52.5, 13.0, None),
    ]
    assert service.requests[0].query == {
        "latitude": "52.5",
        "longitude": "13.0",
        "hourly": "temperature_2m",
        "past_days": "2",
        "timeformat": "unixtime",
    }


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (json_answer({"error": True, "reason": "no such variable"}, 400), 10),
        (Answer(429, b"", {"Retry-After": "60"}), 11),
        (Answer(502), 1),
        (Answer(200, b"<html>"), 1),
        (json_answer({}), 1),
    ],
)
def test_it_fails_as_every_plugin_does_without_a_line_for_it(meteo, service, answer, exit_code):
    service.on("/v1/forecast", answer)
    assert meteo.fetch().exit == exit_code
