"""The two requests that this pod may send to the API server: read and change one Secret."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from spark_runner import egress

SECONDS = 5.0
# A server that answers with more than a Secret can be is none of ours.
_MAX_BYTES = 4 * 1024 * 1024


class ApiProblem(Exception):
    """`status` is HTTP's, 0 where no answer came: the change may have been carried out or not."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True)
class Found:
    """A Secret as it is now; values that are no text are left out."""

    version: str
    values: Mapping[str, str]
    annotations: Mapping[str, str]


def server() -> str:
    """The address of the API server, as kubelet gives it to every pod."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


@dataclass(frozen=True)
class SecretApi:
    """One Secret. `folder` holds `token` and `ca.crt`."""

    address: str
    folder: Path
    namespace: str
    name: str

    def read(self) -> Found:
        """Raises `ApiProblem`."""
        return _found(self._send("GET", None))

    def change(
        self, version: str, *, data: Mapping[str, str], annotations: Mapping[str, str | None]
    ) -> Found:
        """Only if it still is of that version: whoever wrote in between is not overwritten.

        Raises `ApiProblem`, with 409 where somebody did.
        """
        body = {
            "metadata": {"resourceVersion": version, "annotations": dict(annotations)},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        return _found(self._send("PATCH", body))

    def _send(self, method: str, body: Any) -> dict[str, Any]:
        parts = urlsplit(self.address)
        try:
            # Each time: kubelet replaces it before it ends.
            token = (self.folder / "token").read_text().strip()
        except OSError as error:
            raise ApiProblem(401, f"the pod has no token ({error.strerror})") from None
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/merge-patch+json",
        }
        path = f"/api/v1/namespaces/{quote(self.namespace)}/secrets/{quote(self.name)}"
        try:
            connection = self._connect(parts.scheme, parts.hostname or "", parts.port)
            try:
                text = None if body is None else json.dumps(body)
                # The one client that may: it knows one address, and follows no redirect.
                with egress.to_api_server():
                    connection.request(method, path, body=text, headers=headers)
                response = connection.getresponse()
                raw = response.read(_MAX_BYTES)
            finally:
                connection.close()
        except ssl.SSLCertVerificationError as error:
            what = f"the API server's certificate is not trusted ({error.verify_message})"
            raise ApiProblem(0, what) from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiProblem(0, f"no answer of the API server ({type(error).__name__})") from None
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if response.status >= 400 or not isinstance(answer, dict):
            # Its message may repeat what was sent; the number says enough.
            raise ApiProblem(response.status, f"the API server answered {response.status}")
        return answer

    def _connect(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=SECONDS)
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        # Python 3.13 asks certificate authorities for extensions that many clusters' lack, and that no
        # other client of Kubernetes asks for. What is trusted stays the same: this one authority.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)


def _found(secret: dict[str, Any]) -> Found:
    metadata = secret.get("metadata") or {}
    values = {}
    for key, encoded in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(encoded).decode().rstrip("\r\n")
        except (binascii.Error, UnicodeDecodeError):
            continue
    return Found(
        str(metadata.get("resourceVersion", "")), values, metadata.get("annotations") or {}
    )
