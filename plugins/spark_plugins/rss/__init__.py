"""`rss`: RSS and Atom feeds."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, model_validator

from spark_plugins import contract

Url = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://[^\s\x00-\x1f\x7f/?#]+[^\s\x00-\x1f\x7f]*$", max_length=2048
    ),
]


class Rss:
    """Feeds into the table `entries`, each entry once."""

    name: ClassVar[str] = "rss"
    title: ClassVar[str] = "RSS and Atom"
    description: ClassVar[str] = (
        "The entries of RSS and Atom feeds. An unchanged feed is not transferred again."
    )
    default_update_frequency_minutes: ClassVar[int] = 60
    min_update_frequency_minutes: ClassVar[int] = 5
    max_concurrent_fetches: ClassVar[int] = 20

    class Config(contract.Config):
        """One feed in `url`, or several in `urls`."""

        url: Annotated[Url | None, Field(description="Address of the feed, http or https.")] = None
        urls: Annotated[
            list[Url],
            Field(
                default_factory=list,
                max_length=50,
                description="Addresses of several feeds, in place of `url`.",
            ),
        ]
        max_entries: Annotated[
            int,
            Field(ge=1, le=10_000, description="At most so many entries of a feed at a time."),
        ] = 1000

        @model_validator(mode="after")
        def _one_or_several(self) -> Rss.Config:
            if (self.url is None) == (not self.urls):
                raise ValueError("either url or urls names what to fetch")
            if len(set(self.urls)) != len(self.urls):
                raise ValueError("a feed stands in urls twice")
            return self

        @property
        def feeds(self) -> list[str]:
            """The addresses, however they were given."""
            return self.urls or [self.url or ""]

    class Credentials(contract.Credentials):
        """A feed needs none."""

    def fetch_data(
        self,
        config: Config,
        credentials: Credentials,  # noqa: ARG002  (a feed needs none)
        context: contract.Context,
    ) -> Any:
        # dlt takes half a second and 60 MB: not before the config has proved good.
        from spark_plugins.rss.fetch import entries

        return entries(config, context)
