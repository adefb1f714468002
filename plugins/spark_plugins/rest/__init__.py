"""`rest`: any JSON API, declared in YAML."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, SecretStr

from spark_plugins import contract
from spark_plugins.rest import config as rest_config


class Rest:
    """A declarative client of JSON APIs over dlt's REST source."""

    name: ClassVar[str] = "rest"
    title: ClassVar[str] = "REST API"
    description: ClassVar[str] = (
        "Any JSON API over HTTP, declared in YAML: authentication, paging and incremental fetches."
    )
    default_update_frequency_minutes: ClassVar[int] = 15
    min_update_frequency_minutes: ClassVar[int] = 1
    max_concurrent_fetches: ClassVar[int] = 10

    Config = rest_config.Config

    class Credentials(contract.Credentials):
        """All optional here: `auth.type` says which of them it needs."""

        token: SecretStr | None = Field(None, description="For auth type bearer.")
        api_key: SecretStr | None = Field(None, description="For auth type apiKey.")
        username: SecretStr | None = Field(None, description="For auth type basic.")
        password: SecretStr | None = Field(None, description="For auth type basic.")
        client_id: SecretStr | None = Field(None, description="For both auth types of OAuth 2.0.")
        client_secret: SecretStr | None = Field(
            None,
            description="For auth type oauth2ClientCredentials; for oauth2RefreshToken where "
            "the client has one.",
        )
        refresh_token: SecretStr | None = Field(
            None, description="For auth type oauth2RefreshToken."
        )

    def fetch_data(
        self, config: rest_config.Config, credentials: Credentials, context: contract.Context
    ) -> Any:
        # dlt takes half a second and 60 MB: not before the config has proved good.
        from spark_plugins.rest.translate import resources

        return resources(config, credentials, context)
