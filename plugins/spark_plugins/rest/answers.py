"""Judging an answer before dlt reads it, while there is still something to say about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import HTTPError, Response

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import show
from spark_plugins.rest.paging import NumberPaginator

# What a service may say of a page that lies beyond those it gives.
_BEYOND = (400, 404, 410, 416, 422)


def judge(
    resource: str,
    paginator: BasePaginator,
    *,
    ignore_status: Collection[int] = (),
    unpaged_log: logging.Logger | None = None,
) -> Callable[..., None]:
    """A response hook: passes what is JSON, raises for the rest.

    `unpaged_log` is given where nobody has said how to page; a further page is then warned of.
    """

    def hook(response: Response, *_args: Any, **_kwargs: Any) -> None:
        if response.is_redirect:
            return
        if response.status_code in ignore_status:
            raise IgnoreResponseException
        pages = getattr(paginator, "pages", 0)
        if response.status_code == 404 and isinstance(paginator, NumberPaginator) and pages:
            # Some services answer so where the pages end; on the first page it means what it says.
            raise IgnoreResponseException
        if response.status_code in _BEYOND and pages:
            raise PermanentError(
                f'Resource "{resource}": after {pages} pages {show(response.url)} answers with '
                f"status {response.status_code}: the service cuts long lists. Narrow it by params "
                "or incremental.",
                reason="InvalidConfig",
            )
        response.raise_for_status()
        if response.status_code >= 300:
            # A redirect that names no address: an empty body of it would pass for no records.
            raise HTTPError("a redirect that leads nowhere", response=response)
        if response.status_code == 204 or not response.content.strip():
            # No content is a list without records, not broken JSON.
            response._content = b"[]"
        try:
            parsed = response.json()
        except (ValueError, RecursionError):
            raise _no_json(response, resource) from None
        # dlt and the paginator ask for it again, and parsing is most of the work here.
        response.json = lambda **_: parsed  # type: ignore[method-assign]
        if unpaged_log is not None and "next" in response.links:
            unpaged_log.warning(
                'Resource "%s": the service names a next page, which is not fetched: set '
                "pagination to {type: link_header}, or to {type: none} if one is enough.",
                resource,
            )

    return hook


def _no_json(response: Response, resource: str) -> Exception:
    kind = response.headers.get("Content-Type", "no content type").split(";")[0].strip()[:60]
    where = show(response.url)
    if "html" in kind.lower() or response.content.lstrip()[:1] == b"<":
        return PermanentError(
            f'Resource "{resource}": {where} answers with {kind} instead of JSON: baseUrl or path '
            "may lead to a page for people, or to a sign-in.",
            reason="InvalidConfig",
        )
    return TransientError(
        f'Resource "{resource}": the answer of {where} ({kind}) is not valid JSON.'
    )
