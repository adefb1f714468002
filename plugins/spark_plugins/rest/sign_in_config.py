"""The ways to sign in that `spec.config.auth` of `rest` knows. No secret stands in any of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from spark_plugins import contract
from spark_plugins.rest.fields import HeaderName, ParamName, Url, reachable


class NoAuth(contract.Config):
    """The service needs no credentials."""

    type: Literal["none"]


class BearerAuth(contract.Config):
    """`Authorization: Bearer TOKEN`, from the key `token` of the Secret."""

    type: Literal["bearer"]
    scheme: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$"),
        Field(description="The word before the token; some services want `Token`."),
    ] = "Bearer"


class ApiKeyAuth(contract.Config):
    """The key `api_key` of the Secret, as a header or a query parameter."""

    type: Literal["apiKey"]
    name: Annotated[
        HeaderName, Field(description="Name of the header or of the query parameter.")
    ] = "X-API-Key"
    location: Annotated[
        Literal["header", "query"],
        Field(description="Prefer `header`: addresses end up in the logs of servers."),
    ] = "header"


class BasicAuth(contract.Config):
    """HTTP basic authentication, from the keys `username` and `password` of the Secret."""

    type: Literal["basic"]


class _OAuth2(contract.Config):
    token_url: Annotated[
        Url,
        AfterValidator(reachable),
        Field(description="Address that gives access tokens; it may be on another host."),
    ]
    scopes: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,256}$")]],
        Field(default_factory=list, max_length=32, description="Scopes to ask for."),
    ]
    client_auth: Annotated[
        Literal["body", "basic"],
        Field(
            description="How `client_id` and `client_secret` are sent: in the `body`, or as HTTP "
            "`basic` authentication."
        ),
    ] = "body"
    token_params: Annotated[
        dict[ParamName, Annotated[str, StringConstraints(max_length=1024)]],
        Field(
            default_factory=dict,
            max_length=16,
            description="Further parameters of the request for a token, such as `audience`. Not a "
            "place for secrets.",
        ),
    ]


class OAuth2ClientCredentials(_OAuth2):
    """OAuth 2.0 client credentials, from the keys `client_id` and `client_secret` of the Secret."""

    type: Literal["oauth2ClientCredentials"]


class OAuth2RefreshToken(_OAuth2):
    """OAuth 2.0 refresh token, from the keys `refresh_token`, `client_id` and `client_secret`."""

    type: Literal["oauth2RefreshToken"]


Auth = Annotated[
    NoAuth | BearerAuth | ApiKeyAuth | BasicAuth | OAuth2ClientCredentials | OAuth2RefreshToken,
    Field(discriminator="type"),
]
