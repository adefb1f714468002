"""Counts each request to the API server, kopf's watches among them, by verb, resource and code."""

from collections.abc import Callable

import aiohttp

from spark_operator.act.fence import Fenced

# Whatever else is asked for counts as one: paths must not become labels.
_RESOURCES = frozenset(
    {
        "events",
        "integrations",
        "integrations/status",
        "jobs",
        "leases",
        "persistentvolumeclaims",
        "plugins",
        "pods",
        "schedulers",
        "schedulers/status",
    }
)
OTHER = "other"
NO_ANSWER = "none"


def described(method: str, path: str, query: str) -> tuple[str, str]:
    """The verb, as roles name it, and the resource of a request."""
    parts = path.strip("/").split("/")
    # /api/v1/… of the core, /apis/GROUP/VERSION/… of all others.
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    resource = "/".join((rest[0], *rest[2:])) if rest else ""
    named = len(rest) > 1
    if method == "GET" and not named:
        verb = "watch" if "watch=true" in query else "list"
    else:
        verb = {"GET": "get", "POST": "create", "PUT": "update"}.get(method, method.lower())
    return verb, resource if resource in _RESOURCES else OTHER


def counted(count: Callable[[str, str, str], None]) -> aiohttp.ClientMiddlewareType:
    """For the sessions of a connection. What the fence keeps back was no request."""

    async def counting(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        url = request.url
        verb, resource = described(request.method, url.raw_path, url.raw_query_string)
        try:
            response = await handler(request)
        except Fenced:
            raise
        except BaseException:
            count(verb, resource, NO_ANSWER)
            raise
        count(verb, resource, str(response.status))
        return response

    return counting
