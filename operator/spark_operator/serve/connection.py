"""How to reach the API server: from within a pod, or by a kubeconfig."""

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import kopf

from spark_operator.act.fence import FencedRequest
from spark_operator.serve.responses import ShallowResponse

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# For each worker of the leader one, for the watches, and for what else asks.
_CONNECTIONS = 80
# Longer than the pauses between bursts: a TLS handshake costs more than most requests.
_KEEPALIVE_SECONDS = 75.0
_TOKEN_SECONDS = 60.0


class NoCluster(Exception):
    """Neither a service account nor a usable kubeconfig is there."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One connector with a bound for all sessions. kopf closes the session that it is given, so each
    user gets a session of its own and none of them owns the connector."""

    server: str
    connector: aiohttp.TCPConnector
    headers: dict[str, str]
    middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = ()

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self.connector,
            connector_owner=False,
            headers={**self.headers, "User-Agent": "spark-integrations"},
            middlewares=self.middlewares,
            request_class=FencedRequest,
            response_class=ShallowResponse,
        )

    async def close(self) -> None:
        await self.connector.close()


def _fresh_token(path: Path, monotonic: Callable[[], float]) -> aiohttp.ClientMiddlewareType:
    """Kubernetes replaces the mounted token before it ends; one read at the start would end with it."""
    read_at, token = float("-inf"), ""

    async def authorize(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        nonlocal read_at, token
        if monotonic() - read_at > _TOKEN_SECONDS:
            token, read_at = path.read_text(encoding="utf-8").strip(), monotonic()  # noqa: ASYNC240
        request.headers["Authorization"] = f"Bearer {token}"
        return await handler(request)

    return authorize


def _in_cluster_server() -> str:
    # The address, as client-go does: it works while the cluster's DNS does not.
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return "https://kubernetes.default.svc"
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def connect(
    monotonic: Callable[[], float], *middlewares: aiohttp.ClientMiddlewareType
) -> Connection:
    """Within a pod its service account, else the current context of the kubeconfig.

    ``middlewares`` see each request of each session. Must be called with a running loop. Raises
    NoCluster with what to do.
    """
    settings = kopf.OperatorSettings()
    if (_SERVICE_ACCOUNT / "token").exists():
        info = kopf.login_with_service_account(settings=settings)
        if info is None:
            raise NoCluster("the service account's token cannot be read")
        return Connection(
            server=_in_cluster_server(),
            connector=_connector(info),
            headers={},
            middlewares=(*middlewares, _fresh_token(_SERVICE_ACCOUNT / "token", monotonic)),
        )
    try:
        info = kopf.login_with_kubeconfig(settings=settings)
        connector = _connector(info) if info is not None else None
    except Exception as error:
        # It is a user's file: what kopf, YAML and TLS raise over it depends on how it is broken.
        why = " ".join(str(error).split()) or type(error).__name__
        raise NoCluster(f"the kubeconfig cannot be used: {why}") from error
    if info is None or connector is None:
        raise NoCluster("set KUBECONFIG, or run within a pod with a service account")
    return Connection(
        server=info.server,
        connector=connector,
        headers=dict(info.as_http_headers()),
        middlewares=middlewares,
    )


def _connector(info: kopf.ConnectionInfo) -> aiohttp.TCPConnector:
    tls = info.as_ssl_context()
    # Python 3.13 asks certificate authorities for extensions that many clusters' lack, and that no
    # other client of Kubernetes asks for. What is trusted stays the same: this one authority.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEPALIVE_SECONDS, ssl=tls)
