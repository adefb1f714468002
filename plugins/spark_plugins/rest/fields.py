"""The kinds of text and names that a config of `rest` is made of, each with its bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=64)
]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e\t]*$", max_length=1024)]
ParamName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Scalar = Annotated[str, StringConstraints(max_length=2048)] | bool | int | float
JsonPath = Annotated[str, StringConstraints(min_length=1, max_length=256)]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
# Keys of a JSON object, from the outside in: `query.page`.
BodyPath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_$@-][^.\s]*(\.[^.\s]+){0,7}$", max_length=256)
]
# Without a query, where a secret would stand in plain sight, and without a user.
Url = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+(/[^?#\\\s\x00-\x1f\x7f]*)?$", max_length=512
    ),
]
# The types of dlt, without those that no JSON brings.
ColumnType = Literal["text", "bigint", "double", "decimal", "bool", "timestamp", "date", "json"]

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


def reachable(url: str) -> str:
    """The address as it came; raises ValueError for one whose port is no number."""
    from spark_plugins.http import origin

    try:
        origin(url)
    except ValueError:
        raise ValueError("is not an address with a host and, at most, a port") from None
    return url


def no_secret_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers as they came; raises ValueError for one that would carry a secret."""
    for name in headers:
        if name.lower() in FORBIDDEN_HEADERS:
            raise ValueError(f"{name} is not set here; what signs in belongs to auth")
    return headers
