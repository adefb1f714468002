"""The few calls to the API server that bringing a cluster up needs, without any package."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


class ApiError(Exception):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """The cluster as seen with one of this tool's own kubeconfigs (they are JSON, with tokens)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.server: str = cluster["server"]
        self._token: str = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cadata=authority)
        # Straight to the server: a proxy of the user's environment knows nothing of it.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls)
        )

    def text(self, path: str, method: str = "GET", body: object = None, kind: str = "json") -> str:
        """One request. OSError when the server cannot be reached, ApiError when it refuses."""
        request = urllib.request.Request(  # noqa: S310 - to https, always
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": f"application/{kind}",
            },
        )
        try:
            with self._opener.open(request, timeout=5) as response:
                answer: bytes = response.read()
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            raise ApiError(error.code, said[:500]) from None
        except http.client.HTTPException as error:
            raise ConnectionError(f"{self.server}: {error!r}") from None
        return answer.decode()

    def get(self, path: str) -> Any:
        """The object at `path`."""
        return json.loads(self.text(path))

    def apply(self, collection: str, body: dict[str, Any]) -> None:
        """Create the object, or bring the one of its name to this content."""
        path = f"{collection}/{body['metadata']['name']}?fieldManager=spark-dev&force=true"
        self.text(path, "PATCH", body, "apply-patch+yaml")

    def serves(self) -> bool:
        """Whether it answers from the store, too. Without etcd it calls itself ready for a while."""
        try:
            self.get("/api/v1/namespaces/default")
        except (OSError, ApiError, ValueError):
            return False
        return self.healthy()

    def healthy(self) -> bool:
        """Whether the server says that it is ready; any trouble on the way there means no."""
        try:
            return self.text("/readyz") == "ok"
        except (OSError, ApiError, ValueError):
            return False
