"""Requests to S3 are signed as the reference does it."""

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from spark_runner.destinations.signature import (
    EMPTY,
    Keys,
    encoded_path,
    encoded_query,
    signed_headers,
)


def test_the_example_of_the_specification_has_its_signature():
    signed = signed_headers(
        method="GET",
        host="examplebucket.s3.amazonaws.com",
        path="/test.txt",
        query={},
        headers={"Range": "bytes=0-9"},
        payload_sha256=EMPTY,
        keys=Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region="us-east-1",
        now=dt.datetime(2013, 5, 24, tzinfo=dt.UTC),
    )
    assert signed["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/bucket", {"list-type": "2", "prefix": "a b/ü=+/", "delimiter": "/"}),
        ("PUT", "/bucket/a=1/items.parquet", {}),
        ("GET", "/bucket/x/_spark_owner.json", {"continuation-token": "1+/=&x"}),
    ],
)
def test_a_request_is_signed_as_botocore_signs_it(method, path, query, token):
    now = dt.datetime(2026, 11, 24, 8, 9, 10, tzinfo=dt.UTC)
    ours = signed_headers(
        method=method,
        host="s3.example:9000",
        path=path,
        query=query,
        headers={"If-Match": '"5d41"'},
        payload_sha256=EMPTY,
        keys=Keys("canary-id", "canary-key", token),
        region="eu-central-1",
        now=now,
    )
    url = f"http://s3.example:9000{encoded_path(path)}"
    request = AWSRequest(
        method=method,
        url=url + (f"?{encoded_query(query)}" if query else ""),
        headers={"If-Match": '"5d41"', "X-Amz-Content-SHA256": EMPTY},
    )
    request.context["timestamp"] = ours["x-amz-date"]
    signer = S3SigV4Auth(Credentials("canary-id", "canary-key", token), "s3", "eu-central-1")
    # What its add_auth does after it has looked at a clock of its own.
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert dict(parse_qsl(encoded_query(query))) == query
    assert ours["authorization"].endswith(f"Signature={signature}")


def test_a_secret_key_is_not_in_a_representation():
    assert "canary" not in repr(Keys("id", "canary-key", "canary-token"))
