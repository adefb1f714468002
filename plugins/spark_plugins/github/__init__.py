"""`github`: repositories of GitHub, GitHub Enterprise and Gitea."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from spark_plugins import contract
from spark_plugins.rest.fields import Url, reachable

Table = Literal["events", "issues", "pull_requests", "releases", "commits"]


class GitHub:
    """What happens in repositories, five tables for all of them."""

    name: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    description: ClassVar[str] = (
        "Events, issues, pull requests, releases and commits of repositories on GitHub, GitHub "
        "Enterprise or Gitea."
    )
    default_update_frequency_minutes: ClassVar[int] = 15
    min_update_frequency_minutes: ClassVar[int] = 5
    max_concurrent_fetches: ClassVar[int] = 5

    class Config(contract.Config):
        """Which repositories, and what of them."""

        repositories: Annotated[
            list[
                Annotated[
                    str,
                    StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$"),
                ]
            ],
            Field(min_length=1, max_length=50, description="Repositories, as `owner/name`."),
        ]
        tables: Annotated[
            list[Table],
            Field(min_length=1, max_length=5, description="What to fetch of each."),
        ] = ["events", "issues", "pull_requests", "releases", "commits"]  # noqa: RUF012
        since: Annotated[
            Annotated[
                str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", max_length=20)
            ]
            | None,
            Field(
                description="Leave out issues, pull requests and commits that are older, such as "
                "`2026-01-01T00:00:00Z`."
            ),
        ] = None
        server: Annotated[
            Literal["github", "gitea"],
            Field(description="Whose API it is; `github` for GitHub Enterprise, too."),
        ] = "github"
        base_url: Annotated[
            Url,
            AfterValidator(reachable),
            Field(
                description="Address of the API: `https://HOST/api/v3` for GitHub Enterprise, "
                "`https://HOST/api/v1` for Gitea."
            ),
        ] = "https://api.github.com"

        @model_validator(mode="after")
        def _parts_fit(self) -> GitHub.Config:
            names = [name.lower() for name in self.repositories]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{name} stands in repositories twice")
                if {".", ".."} & set(name.split("/")):
                    raise ValueError(f"{name} is no repository")
            if len(set(self.tables)) != len(self.tables):
                raise ValueError("a table stands in tables twice")
            if self.server == "gitea" and self.base_url == "https://api.github.com":
                raise ValueError("server gitea needs baseUrl, such as https://HOST/api/v1")
            return self

    class Credentials(contract.Credentials):
        """Public repositories need none, but GitHub allows few requests without."""

        token: SecretStr | None = Field(
            None, description="A token that may read the repositories; optional for public ones."
        )

    def fetch_data(
        self, config: Config, credentials: Credentials, context: contract.Context
    ) -> Any:
        # dlt takes half a second and 60 MB: not before the config has proved good.
        from spark_plugins.github.tables import resources

        return resources(config, credentials, context)
