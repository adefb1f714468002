"""Files in a bucket of S3, or of a server that speaks like it.

A bucket has no lock that ends with a process. Instead each write names the version that it
replaces (`If-Match`, `If-None-Match`), so of two fetches at the same time the second to write is
refused and its state is not kept: it is fetched again, and nothing of the first is lost.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from spark_plugins.errors import PermanentError, TransientError
from spark_runner import egress
from spark_runner.destinations import signature
from spark_runner.destinations.signature import Keys
from spark_runner.destinations.store import Version, overtaken

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
_CHUNK_BYTES = 1024 * 1024
_MAX_ANSWER_BYTES = 8 * 1024 * 1024
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")


@dataclass(frozen=True)
class Bucket:
    """See `Store`. `endpoint` is scheme and host; `prefix` ends the path of the dataset."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    keys: Keys
    # For messages: where the user can change the keys.
    secret: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def files(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        query = {"list-type": "2", "prefix": f"{self.prefix}/", "delimiter": "/"}
        while True:
            with self._ask("GET", "", query=query) as response:
                page = self._xml(response)
            for item in page.iterfind("{*}Contents"):
                name = (item.findtext("{*}Key") or "").removeprefix(f"{self.prefix}/")
                if name:
                    found[name] = item.findtext("{*}ETag") or ""
            more = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not more:
                return found
            query = {**query, "continuation-token": more}

    def get(self, name: str, target: Path) -> None:
        with self._ask("GET", name) as response, target.open("wb") as file:
            try:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
            except requests.RequestException as error:
                raise self._away(error) from error

    def put(self, name: str, source: Path, replaces: Version) -> str:
        condition = {"if-none-match": "*"} if replaces is None else {"if-match": replaces}
        with self._ask("PUT", name, headers=condition, source=source) as response:
            return str(response.headers.get("ETag", ""))

    @contextmanager
    def _ask(
        self,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        source: Path | None = None,
    ) -> Iterator[requests.Response]:
        path = f"/{self.bucket}/{self.prefix}/{name}" if name else f"/{self.bucket}"
        query = query or {}
        signed = signature.signed_headers(
            method=method,
            host=self.endpoint.partition("://")[2],
            path=path,
            query=query,
            headers=headers or {},
            payload_sha256=_sha256(source) if source else signature.EMPTY,
            keys=self.keys,
            region=self.region,
            now=dt.datetime.now(dt.UTC),
        )
        url = f"{self.endpoint}{signature.encoded_path(path)}"
        if query:
            url += f"?{signature.encoded_query(query)}"
        with requests.Session() as session:
            # No proxy and no .netrc by environment, and no redirect: the keys stay at one host.
            session.trust_env = False
            body: Any = source.open("rb") if source else None
            try:
                with egress.to_destination():
                    response = session.request(
                        method,
                        url,
                        headers=signed,
                        data=body,
                        stream=True,
                        allow_redirects=False,
                        timeout=(CONNECT_SECONDS, READ_SECONDS),
                    )
            except requests.RequestException as error:
                raise self._away(error) from error
            finally:
                if body is not None:
                    body.close()
            with response:
                if response.status_code != 200:
                    raise self._refused(response, name)
                yield response

    def _xml(self, response: requests.Response) -> ElementTree.Element:
        try:
            return ElementTree.fromstring(_text(response))  # noqa: S314  (bounded; expat stops bombs)
        except (ElementTree.ParseError, requests.RequestException) as error:
            raise TransientError(
                f"{self.endpoint} answers a request for the bucket's list with no list."
            ) from error

    def _away(self, error: requests.RequestException) -> TransientError:
        return TransientError(
            f"The destination (S3, {self.endpoint}) cannot be reached: {type(error).__name__}."
        )

    def _refused(self, response: requests.Response, name: str) -> Exception:
        status = response.status_code
        try:
            found = _CODE.search(_text(response))
        except requests.RequestException:
            found = None
        code = found.group(1) if found else f"status {status}"
        said = f"The destination (S3, {self.endpoint}) refused: {code}"
        if status == 412 or code in ("ConditionalRequestConflict", "PreconditionFailed"):
            return overtaken(name)
        if code == "RequestTimeTooSkewed":
            return TransientError(f"{said}: the clock of the node or of the server is wrong.")
        if code == "NoSuchBucket":
            return PermanentError(
                f'{said}: there is no bucket "{self.bucket}"; see spec.destination.bucketUrl.',
                reason="InvalidConfig",
            )
        if status in (401, 403):
            return PermanentError(
                f'{said}: the keys in Secret "{self.secret}" need the rights to list, get and put '
                f"below {self.bucket}/{self.prefix}.",
                reason="InvalidCredentials",
            )
        if status == 501:
            return PermanentError(
                f"{said}: the server must know conditional writes (If-Match), without which two "
                "fetches could overwrite each other.",
                reason="InvalidConfig",
            )
        if status in (301, 307, 308, 400):
            return PermanentError(
                f'{said}: endpoint or region in Secret "{self.secret}" may be wrong.',
                reason="InvalidConfig",
            )
        return TransientError(f"{said}.")


def _text(response: requests.Response) -> str:
    taken = b""
    for chunk in response.iter_content(64 * 1024):
        taken += chunk
        if len(taken) > _MAX_ANSWER_BYTES:
            break
    return taken.decode("utf-8", "replace")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
