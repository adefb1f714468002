"""From the YAML of a user to resources of dlt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.client import RESTClient

from spark_plugins.contract import Context
from spark_plugins.errors import PermanentError
from spark_plugins.rest import config as c
from spark_plugins.rest import paging_config as p
from spark_plugins.rest.bind import as_text, bound, fill, fill_path, included, unused
from spark_plugins.rest.body import put
from spark_plugins.rest.cursors import Cursors
from spark_plugins.rest.order import in_order
from spark_plugins.rest.signing import auth
from spark_plugins.rest.walk import Question, walk

if TYPE_CHECKING:
    from spark_plugins.rest import Rest

_ON_MISSING: dict[str, Any] = {"fail": "raise", "include": "include", "exclude": "exclude"}


def resources(config: c.Config, credentials: Rest.Credentials, context: Context) -> list[Any]:
    """dlt resources, one for each of `config.resources`, that share one pinned session.

    Raises `MissingCredential` for a key that `config.auth` needs, `PermanentError` for a path
    that is no JSON path.
    """
    client = RESTClient(
        base_url=config.base_url,
        headers={"Accept": "application/json", **config.headers},
        auth=auth(config.auth, credentials, context),
        session=context.session(only=[config.base_url]),
    )
    _check_pagination(config.pagination, "pagination")
    made: dict[str, Any] = {}
    for index, resource in enumerate(config.resources):
        where = f"resources[{index}]"
        _check(resource, where)
        question = _question(resource, config.pagination, context)
        if resource.parent is not None:
            made[resource.name] = _child(resource, question, client, made[resource.parent.resource])
        else:
            made[resource.name] = _resource(resource, question, client)
    return list(made.values())


def _question(resource: c.Resource, default: p.Pagination | None, context: Context) -> Question:
    pagination = resource.pagination or default
    return Question(
        resource=resource.name,
        path=resource.path,
        pagination=pagination,
        method=resource.method,
        headers=dict(resource.headers),
        params={name: as_text(value) for name, value in resource.params.items()},
        body=(resource.body or {}) if resource.has_body else None,
        form={name: as_text(value) for name, value in (resource.form or {}).items()} or None,
        data_selector=resource.data_selector,
        ignore_status=resource.ignore_status,
        unpaged_log=context.log if pagination is None else None,
    )


def _resource(resource: c.Resource, question: Question, client: RESTClient) -> Any:
    settings = resource.incremental
    if settings is None:

        def pages() -> Iterator[list[Any]]:
            yield from walk(client, question)

        return dlt.resource(pages, **_hints(resource))()

    since: Any = dlt.sources.incremental(
        settings.cursor_path,
        initial_value=settings.initial_value,
        end_value=settings.end_value,
        lag=settings.lag or None,
        on_cursor_value_missing=_ON_MISSING[settings.on_missing],
        # "desc" is not for dlt; see `in_order`.
        row_order="asc" if settings.row_order == "asc" else None,
        # A record at the boundary comes again each time. By the primary key dlt would drop it,
        # and with it a second change within the same second; by all that it says, only what has
        # not changed.
        primary_key=lambda record: record,
    )

    def new_pages(since: Any = since) -> Iterator[list[Any]]:
        found = walk(client, _since(question, settings, since.start_value))
        if settings.row_order is not None:
            found = in_order(found, settings, since.start_value, resource.name)
        for page in found:
            _lift_cursors(page, settings)
            yield page

    return dlt.resource(new_pages, **_hints(resource))()


def _child(resource: c.Resource, question: Question, client: RESTClient, parent: Any) -> Any:
    settings, incremental = resource.parent, resource.incremental
    assert settings is not None

    def pages(records: Any) -> Iterator[list[Any]]:
        cursors = None
        if incremental is not None:
            cursors = Cursors(dlt.current.resource_state(), incremental, resource.name)
        for record in records if isinstance(records, list) else [records]:
            values = bound(settings, record, resource.name)
            extra = included(settings, record)
            asked = _filled(question, values)
            start = highest = None
            if cursors is not None and incremental is not None:
                start = highest = cursors.start(values)
                asked = _since(asked, incremental, start)
            for page in walk(client, asked):
                found: list[Any] = page
                if cursors is not None and incremental is not None:
                    found, highest = cursors.new(page, start, highest)
                    _lift_cursors(found, incremental)
                for child in found:
                    if isinstance(child, dict):
                        child.update(extra)
                yield found
            if cursors is not None:
                cursors.reached(values, highest)

    return dlt.transformer(pages, data_from=parent, **_hints(resource))()


def _filled(question: Question, values: dict[str, Any]) -> Question:
    return replace(
        question,
        path=fill_path(question.path, values),
        params={name: as_text(value) for name, value in fill(question.params, values).items()},
        body=fill(question.body, values),
        form=fill(question.form, values),
    )


def _hints(resource: c.Resource) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: {"data_type": kind, **({"timezone": True} if kind == "timestamp" else {})}
        for name, kind in resource.columns.items()
    }
    if resource.incremental is not None:
        # A fetch may bring a record twice, since it changed between two pages.
        cursor = resource.incremental.cursor_path
        column = c.CURSOR_COLUMN if _in_object(resource.incremental) else cursor
        columns[column] = {**columns.get(column, {}), "dedup_sort": "desc"}
    hints: dict[str, Any] = {
        "name": resource.name,
        # Never append: a killed load is repeated, and each record would be there twice.
        "write_disposition": "merge",
        "primary_key": list(resource.primary_key),
        "columns": columns,
        "max_table_nesting": resource.nesting,
        "selected": resource.store,
    }
    if resource.merge_key:
        hints["merge_key"] = list(resource.merge_key)
    return hints


def _since(question: Question, settings: c.Incremental, start: Any) -> Question:
    """The question with where to begin; not the highest value of this fetch, which grows."""
    params, body = dict(question.params), question.body
    for value, param, path in (
        (start, settings.start_param, settings.start_body_path),
        (settings.end_value, settings.end_param, settings.end_body_path),
    ):
        if value is None:
            continue
        if param is not None:
            params[param] = value
        elif path is not None:
            body = put(body, path, value)
    return replace(question, params=params, body=body)


def _in_object(settings: c.Incremental) -> bool:
    return not settings.cursor_path.isidentifier()


def _lift_cursors(records: list[Any], settings: c.Incremental) -> None:
    """Give a cursor inside an object a column of its own: by it the newest of two versions is
    known."""
    if not _in_object(settings):
        return
    for record in records:
        if isinstance(record, dict):
            values = jsonpath.find_values(settings.cursor_path, record)
            record[c.CURSOR_COLUMN] = values[0] if values else None


def _check(resource: c.Resource, where: str) -> None:
    _path(resource.data_selector, f"{where}.dataSelector")
    _check_pagination(resource.pagination, f"{where}.pagination")
    if resource.incremental is not None:
        _path(resource.incremental.cursor_path, f"{where}.incremental.cursorPath")
    if resource.parent is not None:
        for part, paths in (("bind", resource.parent.bind), ("include", resource.parent.include)):
            for name, path in paths.items():
                _path(path, f"{where}.parent.{part}.{name}")
    for name in unused(resource):
        raise PermanentError(
            f"config.{where}.parent.bind names {{{name}}}, which stands in none of path, params, "
            "body and form: each request would be the same.",
            reason="InvalidConfig",
        )


def _check_pagination(pagination: p.Pagination | None, where: str) -> None:
    if pagination is None:
        return
    for name, field in type(pagination).model_fields.items():
        value = getattr(pagination, name)
        if name.endswith("_path") and not name.endswith("_body_path") and value is not None:
            _path(value, f"{where}.{field.alias}")


def _path(path: str, where: str) -> None:
    try:
        jsonpath.compile_path(path)
    except Exception as error:  # the parser raises bare Exceptions
        raise PermanentError(
            f"config.{where} is not a JSON path; keys with other signs than letters, digits and _ "
            "are quoted, as in '@odata.nextLink'.",
            reason="InvalidConfig",
        ) from error
