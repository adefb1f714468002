"""AWS Signature Version 4 for S3: who sends a request, and that nobody changed it on the way.

The libraries that do this are larger than everything else in the image that a fetch needs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

EMPTY = hashlib.sha256(b"").hexdigest()
_SERVICE = "s3"


@dataclass(frozen=True)
class Keys:
    """An access key; the secret parts are left out of its representation."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def encoded_path(path: str) -> str:
    """A path as it is sent and signed."""
    return quote(path, safe="/-._~")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query string as it is sent and signed, in the order of its names."""
    return "&".join(
        f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}"
        for name, value in sorted(query.items())
    )


def signed_headers(
    *,
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    payload_sha256: str,
    keys: Keys,
    region: str,
    now: dt.datetime,
) -> dict[str, str]:
    """`headers` with those that sign them, all that is given and the host; `now` is in UTC."""
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    every = {name.lower(): value.strip() for name, value in headers.items()}
    every |= {"host": host, "x-amz-content-sha256": payload_sha256, "x-amz-date": moment}
    if keys.session_token:
        every["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(every))
    request = "\n".join(
        [
            method,
            encoded_path(path),
            encoded_query(query),
            *(f"{name}:{every[name]}" for name in sorted(every)),
            "",
            names,
            payload_sha256,
        ]
    )
    scope = f"{day}/{region}/{_SERVICE}/aws4_request"
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()]
    )
    key = f"AWS4{keys.secret_access_key}".encode()
    for step in (day, region, _SERVICE, "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    every["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return every
