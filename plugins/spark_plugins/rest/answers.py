"""Judging an answer before dlt reads it, while there is still something to say about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import HTTPError, Response

from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import show
from spark_plugins.rest.paging import NumberPaginator


def judge(resource: str, paginator: BasePaginator) -> Callable[..., None]:
    """A response hook: passes what is JSON, raises for the rest."""

    def hook(response: Response, *_args: Any, **_kwargs: Any) -> None:
        if response.is_redirect:
            return
        if response.status_code == 404 and _past_the_end(paginator):
            raise IgnoreResponseException
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

    return hook


def _past_the_end(paginator: BasePaginator) -> bool:
    """Some services answer 404 where the pages end; on the first page it means what it says."""
    return isinstance(paginator, NumberPaginator) and paginator.pages > 0


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
