"""What stands under `spec.config` of an Integration of `rest`. Every list and string is bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from spark_plugins import contract

HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=64)
]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e\t]*$", max_length=1024)]
ParamName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Scalar = Annotated[str, StringConstraints(max_length=2048)] | bool | int | float
Path = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Field_ = Annotated[str, StringConstraints(min_length=1, max_length=128)]

# Headers that would carry a secret in plain sight, or that belong to the connection.
FORBIDDEN_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "transfer-encoding",
    }
)


class NoAuth(contract.Config):
    """The service needs no credentials."""

    type: Literal["none"]


class BearerAuth(contract.Config):
    """`Authorization: Bearer TOKEN`, from the key `token` of the Secret."""

    type: Literal["bearer"]


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


Auth = Annotated[NoAuth | BearerAuth | ApiKeyAuth | BasicAuth, Field(discriminator="type")]

MaxPages = Annotated[
    int,
    Field(
        ge=1,
        le=100_000,
        description="A fetch that would need more pages fails, so that no record is lost silently.",
    ),
]


class NoPagination(contract.Config):
    """One request, one answer."""

    type: Literal["none"]


class LinkHeader(contract.Config):
    """The header `Link` with `rel="next"` leads on, as with GitHub."""

    type: Literal["link_header"]
    max_pages: MaxPages = 1000


class NextUrl(contract.Config):
    """The address of the next page stands in the answer."""

    type: Literal["next_url"]
    next_url_path: Annotated[
        Path, Field(description="JSON path of the next page's address in the answer.")
    ] = "next"
    max_pages: MaxPages = 1000


class PageNumber(contract.Config):
    """Pages are counted; the first empty page ends."""

    type: Literal["page_number"]
    page_param: Annotated[ParamName, Field(description="Query parameter of the page.")] = "page"
    first_page: Annotated[int, Field(ge=0, le=1, description="Number of the first page.")] = 1
    total_pages_path: Annotated[
        Path | None,
        Field(description="JSON path of the number of pages, where the service names it."),
    ] = None
    max_pages: MaxPages = 1000


class Offset(contract.Config):
    """Records are counted: the next offset is what was received, whatever limit was asked for."""

    type: Literal["offset"]
    offset_param: Annotated[ParamName, Field(description="Query parameter of the offset.")] = (
        "offset"
    )
    limit_param: Annotated[ParamName, Field(description="Query parameter of the limit.")] = "limit"
    limit: Annotated[int, Field(ge=1, le=100_000, description="Records asked for a page.")] = 100
    total_path: Annotated[
        Path | None,
        Field(description="JSON path of the number of records, where the service names it."),
    ] = None
    max_pages: MaxPages = 1000


class Cursor(contract.Config):
    """A token in the answer, given back as a query parameter, leads on."""

    type: Literal["cursor"]
    cursor_path: Annotated[Path, Field(description="JSON path of the token in the answer.")]
    cursor_param: Annotated[ParamName, Field(description="Query parameter of the token.")] = (
        "cursor"
    )
    max_pages: MaxPages = 1000


Pagination = Annotated[
    NoPagination | LinkHeader | NextUrl | PageNumber | Offset | Cursor,
    Field(discriminator="type"),
]


class Incremental(contract.Config):
    """Ask only for what is new. The place reached is kept in the destination, with the data."""

    cursor_path: Annotated[
        Path,
        Field(description="Field of a record that grows, such as `updated_at` (JSON path)."),
    ]
    start_param: Annotated[
        ParamName, Field(description="Query parameter that takes the highest value seen so far.")
    ]
    initial_value: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=128)] | int | None,
        Field(description="Value of the first fetch; without it the parameter is left out."),
    ] = None
    on_missing: Annotated[
        Literal["fail", "include", "exclude"],
        Field(description="What becomes of a record without a value there."),
    ] = "fail"


class Resource(contract.Config):
    """One table of the destination, filled from one address."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$"),
        Field(description="Name of the table."),
    ]
    path: Annotated[
        str,
        StringConstraints(min_length=1, max_length=512, pattern=r"^[^?#\\\s\x00-\x1f\x7f]+$"),
        Field(description="Path below `baseUrl`, without a query: that goes to `params`."),
    ]
    method: Annotated[Literal["GET", "POST"], Field(description="GET, or POST with `body`.")] = (
        "GET"
    )
    params: Annotated[
        dict[ParamName, Scalar],
        Field(default_factory=dict, max_length=32, description="Query parameters."),
    ]
    body: Annotated[
        dict[str, Any] | None,
        Field(max_length=64, description="JSON body of a POST. Not a place for secrets."),
    ] = None
    data_selector: Annotated[
        Path,
        Field(description="JSON path of the list of records in the answer; `$` is the answer."),
    ] = "$"
    primary_key: Annotated[
        list[Field_],
        Field(
            min_length=1,
            max_length=8,
            description="Fields that identify a record: a newer version replaces the older one.",
        ),
    ]
    pagination: Annotated[Pagination | None, Field(description="How to get the next page.")] = None
    incremental: Annotated[Incremental | None, Field(description="Fetch only what is new.")] = None

    @field_validator("path")
    @classmethod
    def _below_the_base(cls, path: str) -> str:
        if "://" in path or path.startswith("//"):
            raise ValueError("a path below baseUrl is expected, not an address")
        if ".." in path.split("/"):
            raise ValueError("must not climb with ..")
        return path

    @model_validator(mode="after")
    def _body_only_with_post(self) -> Resource:
        if self.body is not None and self.method != "POST":
            raise ValueError("body needs method POST")
        if self.incremental and self.incremental.start_param in self.params:
            raise ValueError("incremental.startParam stands in params too")
        return self


class Config(contract.Config):
    """A JSON API: where it is, how to sign in, and what to fetch."""

    base_url: Annotated[
        str,
        StringConstraints(
            pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+(/[^?#\\\s\x00-\x1f\x7f]*)?$", max_length=512
        ),
        Field(description="Address that every path is below, http or https, without a query."),
    ]
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        Field(
            default_factory=dict,
            max_length=32,
            description="Headers of every request. Not a place for secrets.",
        ),
    ]
    auth: Annotated[
        Auth,
        Field(
            description="How to sign in. The secrets are keys of the Secret in "
            "`spec.credentialsSecretName`."
        ),
    ] = NoAuth(type="none")
    resources: Annotated[
        list[Resource], Field(min_length=1, max_length=20, description="What to fetch.")
    ]

    @field_validator("headers")
    @classmethod
    def _no_secret_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in FORBIDDEN_HEADERS:
                raise ValueError(f"{name} is not set here; what signs in belongs to auth")
        return headers

    @field_validator("base_url")
    @classmethod
    def _port_is_a_number(cls, url: str) -> str:
        from spark_plugins.http import origin

        try:
            origin(url)
        except ValueError:
            raise ValueError("is not an address with a host and, at most, a port") from None
        return url

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        names = [resource.name for resource in self.resources]
        if len(set(names)) != len(names):
            raise ValueError("two resources have the same name")
        return self
