"""Walking through one list of a service, page by page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from dlt.sources.helpers.rest_client.client import PageData, RESTClient

from spark_plugins.rest.answers import judge
from spark_plugins.rest.paging import paginator
from spark_plugins.rest.paging_config import Pagination


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked for. `resource` is how messages call it; `path` lies below the client's base.

    `hooks` see each answer before it is judged; `unpaged_log` is that of `judge`.
    """

    resource: str
    path: str
    pagination: Pagination | None = None
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    data_selector: str = "$"
    ignore_status: Collection[int] = ()
    hooks: tuple[Callable[..., None], ...] = ()
    unpaged_log: logging.Logger | None = None


def walk(client: RESTClient, question: Question) -> Iterator[PageData[Any]]:
    """The pages, each a list of records that knows its `response`."""
    # A new one for each walk: it remembers which pages it has met.
    pages = paginator(question.pagination, resource=question.resource)
    judging = judge(
        question.resource,
        pages,
        ignore_status=question.ignore_status,
        unpaged_log=question.unpaged_log,
    )
    yield from client.paginate(
        question.path,
        method=question.method,  # type: ignore[arg-type]
        headers=dict(question.headers),
        params=dict(question.params),
        json=question.body,
        data=question.form,
        paginator=pages,
        data_selector=question.data_selector,
        hooks={"response": [*question.hooks, judging]},
    )
