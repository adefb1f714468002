"""An S3 server on loopback, with one bucket: moto's, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from tests.support.waiting import until

_SERVE = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@dataclass(frozen=True)
class Storage:
    endpoint: str
    bucket: str = "warehouse"

    def client(self) -> Any:
        """Of boto3, which knows nothing of ours."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="reader",
            aws_secret_access_key="reader",
        )

    def objects(self, prefix: str = "") -> list[str]:
        found = self.client().list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"] for item in found.get("Contents", []))

    def read(self, key: str) -> bytes:
        content: bytes = self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        self.client().put_object(Bucket=self.bucket, Key=key, Body=content)


@contextmanager
def running() -> Iterator[Storage]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    storage = Storage(f"http://127.0.0.1:{port}")

    def made() -> bool:
        assert process.poll() is None, "the S3 server ended"
        try:
            answer = requests.put(f"{storage.endpoint}/{storage.bucket}", timeout=10)
        except (requests.ConnectionError, requests.Timeout):
            return False
        return answer.ok

    try:
        until(made, 60, "the S3 server to answer")
        yield storage
    finally:
        process.kill()
        process.wait()
