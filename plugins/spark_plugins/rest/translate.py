"""From the YAML of a user to resources of dlt's REST source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dlt
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.auth import APIKeyAuth, BearerTokenAuth, HttpBasicAuth
from dlt.sources.rest_api import rest_api_resources

from spark_plugins.contract import Context
from spark_plugins.errors import MissingCredential, PermanentError
from spark_plugins.rest import config as c
from spark_plugins.rest.answers import judge
from spark_plugins.rest.paging import paginator

if TYPE_CHECKING:
    from spark_plugins.rest import Rest

_ON_MISSING: dict[str, Any] = {"fail": "raise", "include": "include", "exclude": "exclude"}


def resources(config: c.Config, credentials: Rest.Credentials, context: Context) -> list[Any]:
    """dlt resources, one for each of `config.resources`, that share one pinned session.

    Raises `MissingCredential` for a key that `config.auth` needs, `PermanentError` for a path
    that is no JSON path.
    """
    source = {
        "client": {
            "base_url": config.base_url,
            "headers": {"Accept": "application/json", **config.headers},
            "auth": auth(config.auth, credentials),
            "session": context.session(only=[config.base_url]),
        },
        "resources": [
            _resource(resource, f"resources[{index}]")
            for index, resource in enumerate(config.resources)
        ],
    }
    return list(rest_api_resources(source))  # type: ignore[arg-type]


def auth(chosen: c.Auth, credentials: Rest.Credentials) -> Any:
    """The dlt auth object of the chosen kind, or None."""

    def need(key: str) -> str:
        value = getattr(credentials, key)
        if value is None:
            raise MissingCredential(key, why=f"auth.type {chosen.type} needs it")
        return str(value.get_secret_value())

    match chosen:
        case c.BearerAuth():
            return BearerTokenAuth(token=_header_safe("token", need("token")))
        case c.ApiKeyAuth():
            value = need("api_key")
            if chosen.location == "header":
                _header_safe("api_key", value)
            return APIKeyAuth(name=chosen.name, api_key=value, location=chosen.location)
        case c.BasicAuth():
            return HttpBasicAuth(username=need("username"), password=need("password"))
        case _:
            return None


def _header_safe(key: str, value: str) -> str:
    # The HTTP library would refuse it with an error that repeats the value.
    if not value.isascii() or not value.isprintable():
        raise PermanentError(
            f'The credential "{key}" holds line breaks or other characters that no header can '
            "carry.",
            reason="InvalidCredentials",
        )
    return value


def _resource(resource: c.Resource, where: str) -> dict[str, Any]:
    pages = paginator(resource.pagination, resource=resource.name)
    endpoint: dict[str, Any] = {
        # Formatted more than once, unlike the rest: here a brace must not look like one.
        "path": resource.path.replace("{", "%7B").replace("}", "%7D"),
        "method": resource.method,
        "params": {_literal(k): _literal(_text(v)) for k, v in resource.params.items()},
        "paginator": pages,
        "data_selector": _path(resource.data_selector, f"{where}.dataSelector"),
        "response_actions": [judge(resource.name, pages)],
    }
    _check_paging_paths(resource.pagination, f"{where}.pagination")
    if resource.method == "POST":
        endpoint["json"] = _literal(resource.body or {})
    translated: dict[str, Any] = {
        "name": resource.name,
        "write_disposition": "merge",
        "primary_key": list(resource.primary_key),
        "endpoint": endpoint,
    }
    if resource.incremental is not None:
        incremental = resource.incremental
        endpoint["params"][_literal(incremental.start_param)] = dlt.sources.incremental(
            _path(incremental.cursor_path, f"{where}.incremental.cursorPath"),
            initial_value=incremental.initial_value,
            on_cursor_value_missing=_ON_MISSING[incremental.on_missing],
            # Without the empty key dlt drops a record whose cursor value it has seen, by its
            # primary key: a second change within the same second would never arrive.
            primary_key=(),
        )
        if incremental.cursor_path.isidentifier():
            # A fetch may bring a record twice, since it changed between two pages.
            translated["columns"] = {incremental.cursor_path: {"dedup_sort": "desc"}}
    return translated


def _literal(value: Any) -> Any:
    """The value with braces doubled: dlt formats strings, a user's brace is only a brace."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, dict):
        return {_literal(k): _literal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value


def _text(value: c.Scalar) -> str:
    """As APIs write it: `true`, not Python's `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_paging_paths(pagination: c.Pagination | None, where: str) -> None:
    match pagination:
        case c.NextUrl():
            _path(pagination.next_url_path, f"{where}.nextUrlPath")
        case c.Cursor():
            _path(pagination.cursor_path, f"{where}.cursorPath")
        case c.PageNumber() if pagination.total_pages_path:
            _path(pagination.total_pages_path, f"{where}.totalPagesPath")
        case c.Offset() if pagination.total_path:
            _path(pagination.total_path, f"{where}.totalPath")
        case _:
            pass


def _path(path: str, where: str) -> str:
    try:
        jsonpath.compile_path(path)
    except Exception as error:  # the parser raises bare Exceptions
        raise PermanentError(
            f"config.{where} is not a JSON path; keys with other signs than letters, digits and _ "
            "are quoted, as in '@odata.nextLink'.",
            reason="InvalidConfig",
        ) from error
    return path
