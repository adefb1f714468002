"""`spotify`: what somebody played, saved and put into playlists."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from spark_plugins import contract

Part = Literal["recentlyPlayed", "savedTracks", "playlists"]
ALL_PARTS: list[Part] = ["recentlyPlayed", "savedTracks", "playlists"]


class Spotify:
    """The listening history, the library and the playlists of one account."""

    name: ClassVar[str] = "spotify"
    title: ClassVar[str] = "Spotify"
    description: ClassVar[str] = (
        "Recently played tracks, saved tracks and playlists with their items, of one account."
    )
    # Spotify remembers the last 50 plays and no more: an hour of skipping may fill that.
    default_update_frequency_minutes: ClassVar[int] = 15
    min_update_frequency_minutes: ClassVar[int] = 5
    # The limit of Spotify counts requests of one app, however many accounts it reads.
    max_concurrent_fetches: ClassVar[int] = 3

    class Config(contract.Config):
        """What to fetch of the account."""

        parts: Annotated[
            list[Part],
            Field(
                min_length=1,
                max_length=3,
                description="What to fetch; all of it by default. Each part needs a scope.",
            ),
        ] = ALL_PARTS

        @field_validator("parts")
        @classmethod
        def _each_once(cls, parts: list[Part]) -> list[Part]:
            if len(set(parts)) != len(parts):
                raise ValueError("a part stands there twice")
            return parts

    class Credentials(contract.Credentials):
        """An app of the Spotify dashboard, and what the account has allowed it."""

        client_id: SecretStr = Field(description="Client ID of the app.")
        client_secret: SecretStr = Field(description="Client secret of the app.")
        refresh_token: SecretStr = Field(
            description="Refresh token of the account for this app, from the authorization code flow."
        )

    def fetch_data(
        self, config: Config, credentials: Credentials, context: contract.Context
    ) -> list[Any]:
        # dlt takes half a second and 60 MB: not before the config has proved good.
        from spark_plugins.spotify.tables import tables
        from spark_plugins.spotify.web_api import WebApi

        return tables(WebApi(credentials, context), config.parts, context)
