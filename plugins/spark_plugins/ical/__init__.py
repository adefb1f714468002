"""`ical`: the events of a calendar, by its address or by CalDAV."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator

from spark_plugins import contract


class Ical:
    """One calendar into the table `events`, one row for each time that an event takes place."""

    name: ClassVar[str] = "ical"
    title: ClassVar[str] = "Calendar (iCalendar, CalDAV)"
    description: ClassVar[str] = (
        "The events of a calendar in a window around today, recurring ones expanded, by its "
        "address or by CalDAV."
    )
    default_update_frequency_minutes: ClassVar[int] = 60
    min_update_frequency_minutes: ClassVar[int] = 5
    max_concurrent_fetches: ClassVar[int] = 10

    class Config(contract.Config):
        """A calendar, and which part of it."""

        protocol: Annotated[
            Literal["ics", "caldav"],
            Field(description="`ics`: a file at an address; `caldav`: a collection of a server."),
        ] = "ics"
        url: Annotated[
            Annotated[
                str,
                StringConstraints(
                    pattern=r"^(https?|webcal)://[^\s\x00-\x1f\x7f/?#@]+(/[^\s\x00-\x1f\x7f#]*)?$",
                    max_length=2048,
                ),
            ]
            | None,
            Field(
                description="Address of the file or of the collection. A secret address belongs "
                "into the Secret, as the key `url`."
            ),
        ] = None
        past_days: Annotated[
            int, Field(ge=0, le=3660, description="How far the window reaches back.")
        ] = 30
        future_days: Annotated[
            int, Field(ge=1, le=3660, description="How far the window reaches ahead.")
        ] = 365
        time_zone: Annotated[
            str,
            StringConstraints(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$", max_length=64),
            Field(description="Where days begin, and times that name no zone, as `Europe/Berlin`."),
        ] = "UTC"
        max_events: Annotated[
            int,
            Field(
                ge=1,
                le=50_000,
                description="A window with more fails, so that no event is lost silently.",
            ),
        ] = 10_000

        @field_validator("time_zone")
        @classmethod
        def _is_a_zone(cls, name: str) -> str:
            from zoneinfo import ZoneInfo

            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError("is no time zone, such as Europe/Berlin") from None
            return name

    class Credentials(contract.Credentials):
        """What the calendar needs of these; a public one needs none."""

        url: SecretStr | None = Field(
            None, description="Secret address of the calendar, in place of spec.config.url."
        )
        username: SecretStr | None = Field(None, description="For basic authentication.")
        password: SecretStr | None = Field(
            None, description="For basic authentication; mostly an app password."
        )

    def fetch_data(
        self, config: Config, credentials: Credentials, context: contract.Context
    ) -> Any:
        # dlt takes half a second and 60 MB: not before the config has proved good.
        from spark_plugins.ical.fetch import events

        return events(config, credentials, context)
