"""`open-meteo`: the weather of one place. It is the example of docs/writing-a-plugin.md."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from spark_plugins import contract

API_URL = "https://api.open-meteo.com/v1/forecast"

Variable = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$")]


class OpenMeteo:
    name = "open-meteo"
    title = "Weather (Open-Meteo)"
    description = "The weather of one place, hour by hour: two days back and a week ahead."
    default_update_frequency_minutes = 60
    min_update_frequency_minutes = 15
    max_concurrent_fetches = 5

    class Config(contract.Config):
        latitude: float = Field(ge=-90, le=90, description="Degrees, north is positive.")
        longitude: float = Field(ge=-180, le=180, description="Degrees, east is positive.")
        variables: list[Variable] = Field(
            ["temperature_2m", "precipitation", "wind_speed_10m"],
            min_length=1,
            max_length=20,
            description="Hourly variables, by the names of Open-Meteo. Each is a column.",
        )

    class Credentials(contract.Credentials):
        """Open-Meteo asks for none."""

    def fetch_data(
        self, config: Config, credentials: Credentials, context: contract.Context
    ) -> Any:
        import dlt

        place = {"latitude": config.latitude, "longitude": config.longitude}
        names = ["time", *config.variables]
        columns: Any = {name: {"data_type": "double"} for name in names}
        columns["time"] = {"data_type": "timestamp"}

        @dlt.resource(primary_key=["time", *place], write_disposition="merge", columns=columns)
        def hours() -> Any:
            query: Any = {"hourly": ",".join(config.variables), "timeformat": "unixtime"}
            response = context.session().get(API_URL, params=query | place | {"past_days": 2})
            response.raise_for_status()
            hourly = response.json()["hourly"]
            rows = zip(*(hourly[name] for name in names), strict=True)
            yield [place | dict(zip(names, row, strict=True)) for row in rows]

        return hours
