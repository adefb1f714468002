"""The ways of paging that `pagination` of `rest` knows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spark_plugins import contract
from spark_plugins.rest.fields import BodyPath, HeaderName, JsonPath, ParamName

MaxPages = Annotated[
    int,
    Field(
        ge=1,
        le=100_000,
        description="A fetch that would need more pages fails, so that no record is lost silently.",
    ),
]
HasMorePath = Annotated[
    JsonPath | None,
    Field(
        description="JSON path of a true or false that says whether more follows; it is then "
        "believed, also past an empty page."
    ),
]
TotalPath = Annotated[
    JsonPath | None,
    Field(
        description="JSON path of the number of records, where the service names it. A list that "
        "ends before is an error, since the service has cut it."
    ),
]
OtherHost = Annotated[
    Literal["refuse", "sameService"],
    Field(
        description="What becomes of a link to another host than `baseUrl`: `refuse` it, or take "
        "it for the `sameService` under its own name, and ask for its query at `baseUrl`."
    ),
]


class NoPagination(contract.Config):
    """One request, one answer."""

    type: Literal["none"]


class LinkHeader(contract.Config):
    """The header `Link` with `rel="next"` leads on, as with GitHub."""

    type: Literal["link_header"]
    rel: Annotated[ParamName, Field(description="The `rel` of the link that leads on.")] = "next"
    other_host: OtherHost = "refuse"
    total_header: Annotated[
        HeaderName | None,
        Field(
            description="Header with the number of records, such as `X-Total-Count`. A list that "
            "ends before is an error, since the service has cut it."
        ),
    ] = None
    total_path: TotalPath = None
    max_pages: MaxPages = 1000


class NextUrl(contract.Config):
    """The address of the next page stands in the answer."""

    type: Literal["next_url"]
    next_url_path: Annotated[
        JsonPath, Field(description="JSON path of the next page's address in the answer.")
    ] = "next"
    other_host: OtherHost = "refuse"
    total_path: TotalPath = None
    max_pages: MaxPages = 1000


class PageNumber(contract.Config):
    """Pages are counted; the first empty page ends."""

    type: Literal["page_number"]
    page_param: Annotated[ParamName, Field(description="Query parameter of the page.")] = "page"
    page_body_path: Annotated[
        BodyPath | None,
        Field(description="Where the page stands in the body of a POST, instead of `pageParam`."),
    ] = None
    first_page: Annotated[int, Field(ge=0, le=1, description="Number of the first page.")] = 1
    total_pages_path: Annotated[
        JsonPath | None,
        Field(description="JSON path of the number of pages, where the service names it."),
    ] = None
    has_more_path: HasMorePath = None
    max_pages: MaxPages = 1000


class Offset(contract.Config):
    """Records are counted: the next offset is what was received, whatever limit was asked for."""

    type: Literal["offset"]
    offset_param: Annotated[ParamName, Field(description="Query parameter of the offset.")] = (
        "offset"
    )
    offset_body_path: Annotated[
        BodyPath | None,
        Field(
            description="Where the offset stands in the body of a POST, instead of `offsetParam`."
        ),
    ] = None
    limit_param: Annotated[ParamName, Field(description="Query parameter of the limit.")] = "limit"
    limit_body_path: Annotated[
        BodyPath | None,
        Field(description="Where the limit stands in the body of a POST, instead of `limitParam`."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=100_000, description="Records asked for a page.")] = 100
    total_path: TotalPath = None
    has_more_path: HasMorePath = None
    max_pages: MaxPages = 1000


class Cursor(contract.Config):
    """A token in the answer, given back as a query parameter or in the body, leads on."""

    type: Literal["cursor"]
    cursor_path: Annotated[JsonPath, Field(description="JSON path of the token in the answer.")]
    cursor_param: Annotated[ParamName, Field(description="Query parameter of the token.")] = (
        "cursor"
    )
    cursor_body_path: Annotated[
        BodyPath | None,
        Field(
            description="Where the token stands in the body of a POST, instead of `cursorParam`."
        ),
    ] = None
    has_more_path: HasMorePath = None
    total_path: TotalPath = None
    max_pages: MaxPages = 1000


class HeaderCursor(contract.Config):
    """A token in a header of the answer, given back as a query parameter, leads on."""

    type: Literal["header_cursor"]
    cursor_header: Annotated[HeaderName, Field(description="Header of the token.")]
    cursor_param: Annotated[ParamName, Field(description="Query parameter of the token.")] = (
        "cursor"
    )
    max_pages: MaxPages = 1000


Pagination = Annotated[
    NoPagination | LinkHeader | NextUrl | PageNumber | Offset | Cursor | HeaderCursor,
    Field(discriminator="type"),
]


def body_paths(pagination: contract.Config | None) -> list[str]:
    """The names of the settings that put something into the body of a request."""
    if pagination is None:
        return []
    return [
        str(field.alias)
        for name, field in type(pagination).model_fields.items()
        if name.endswith("_body_path") and getattr(pagination, name) is not None
    ]
