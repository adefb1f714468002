"""Walking through pages, distrusting the server.

dlt's own paginators believe what they are told. Real servers cap the size of a page without a
word, send an empty Link header, lead to themselves for ever, or ignore the parameter that counts.
Each of these either loses records silently or never ends, so each is an error or is dealt with.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import BasePaginator, SinglePagePaginator
from requests import Request, Response

from spark_plugins.errors import PermanentError
from spark_plugins.http import show
from spark_plugins.rest import config as c


def paginator(pagination: c.Pagination | None, *, resource: str) -> BasePaginator:
    """The paginator that `pagination` describes; without one there is a single page."""
    match pagination:
        case None | c.NoPagination():
            return SinglePagePaginator()
        case c.LinkHeader():
            return LinkPaginator(resource, pagination.max_pages, None)
        case c.NextUrl():
            return LinkPaginator(resource, pagination.max_pages, pagination.next_url_path)
        case c.PageNumber():
            return NumberPaginator(resource, pagination)
        case c.Offset():
            return ReceivedPaginator(resource, pagination)
        case c.Cursor():
            return TokenPaginator(resource, pagination)
    raise AssertionError("every kind of pagination is above")


class _Bounded(BasePaginator):
    def __init__(self, resource: str, max_pages: int) -> None:
        super().__init__()
        self._resource = resource
        self._max_pages = max_pages
        self._reset()

    def _reset(self) -> None:
        self._has_next_page = True
        self.pages = 0
        self._seen: set[bytes] = set()

    def init_request(self, request: Request) -> None:  # noqa: ARG002  (subclasses change it)
        self._reset()

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        self.pages += 1
        self._has_next_page = self._find_next(response, data or [])
        if self._has_next_page and self.pages >= self._max_pages:
            # To stop quietly here would lose the rest, and nobody would ever know.
            raise PermanentError(
                f'Resource "{self._resource}" has more than {self._max_pages} pages: raise '
                "pagination.maxPages, ask for larger pages, or fetch incrementally.",
                reason="InvalidConfig",
            )

    def _find_next(self, response: Response, data: list[Any]) -> bool:
        raise NotImplementedError

    def _met_before(self, mark: str) -> bool:
        digest = hashlib.blake2b(mark.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._seen:
            return True
        self._seen.add(digest)
        return False

    def _one(self, path: str, response: Response) -> Any:
        values = jsonpath.find_values(path, response.json())
        return values[0] if values else None


class LinkPaginator(_Bounded):
    """Follow the `Link` header, or an address in the answer where `path` is given."""

    def __init__(self, resource: str, max_pages: int, path: str | None) -> None:
        super().__init__(resource, max_pages)
        self._path = path
        self._next = ""

    def _find_next(self, response: Response, data: list[Any]) -> bool:  # noqa: ARG002
        # Never by the number of records: a server may cap a page, or filter one empty.
        if self._path is None:
            target = response.links.get("next", {}).get("url")
        else:
            target = self._one(self._path, response)
        if not target:
            return False
        if not isinstance(target, str):
            raise PermanentError(
                f'Resource "{self._resource}": pagination.nextUrlPath leads to something that is '
                "no address.",
                reason="InvalidConfig",
            )
        here = response.url
        self._next = _keep_https(urljoin(here, target), here)
        # The first page was not reached by a link: without it a link back would go round once.
        self._met_before(here)
        if self._met_before(self._next):
            raise PermanentError(
                f'Resource "{self._resource}": the pages lead in a circle, since '
                f"{show(here)} names a page as the next one that was fetched before."
            )
        return True

    def update_request(self, request: Request) -> None:
        if self._has_next_page:
            request.url = self._next
            # The address is complete; the parameters would be appended to it once more.
            request.params = {}


class NumberPaginator(_Bounded):
    """Count pages until one is empty, or up to the number that the service names."""

    def __init__(self, resource: str, pagination: c.PageNumber) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination

    def init_request(self, request: Request) -> None:
        super().init_request(request)
        self.update_request(request)

    def _find_next(self, response: Response, data: list[Any]) -> bool:
        if not data:
            return False
        path = self._pagination.total_pages_path
        if path is not None:
            total = _count(self._one(path, response), self._resource, "totalPagesPath")
            return self.pages < total
        if self._met_before(json.dumps(data, sort_keys=True)):
            # A server that does not know the parameter answers with its first page for ever.
            raise PermanentError(
                f'Resource "{self._resource}": page {self.pages} holds the same records as a page '
                f'before, so the service does not count by "{self._pagination.page_param}": set '
                "pagination.pageParam or pagination.totalPagesPath.",
                reason="InvalidConfig",
            )
        return True

    def update_request(self, request: Request) -> None:
        params = dict(request.params or {})
        params[self._pagination.page_param] = self._pagination.first_page + self.pages
        request.params = params


class ReceivedPaginator(_Bounded):
    """Count the records received: to add the limit would skip what a server held back."""

    def __init__(self, resource: str, pagination: c.Offset) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination
        self._offset = 0

    def init_request(self, request: Request) -> None:
        super().init_request(request)
        self._offset = 0
        self.update_request(request)

    def _find_next(self, response: Response, data: list[Any]) -> bool:
        self._offset += len(data)
        if not data:
            return False
        path = self._pagination.total_path
        if path is not None:
            total = _count(self._one(path, response), self._resource, "totalPath")
            return self._offset < total
        if self._met_before(json.dumps(data, sort_keys=True)):
            raise PermanentError(
                f'Resource "{self._resource}": the records from {self._offset - len(data)} on are '
                "the same as those before, so the service does not count by "
                f'"{self._pagination.offset_param}": set pagination.offsetParam.',
                reason="InvalidConfig",
            )
        return True

    def update_request(self, request: Request) -> None:
        params = dict(request.params or {})
        params[self._pagination.offset_param] = self._offset
        params[self._pagination.limit_param] = self._pagination.limit
        request.params = params


class TokenPaginator(_Bounded):
    """Give back the token of the answer, until there is none."""

    def __init__(self, resource: str, pagination: c.Cursor) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination
        self._token: Any = None

    def _find_next(self, response: Response, data: list[Any]) -> bool:  # noqa: ARG002
        self._token = self._one(self._pagination.cursor_path, response)
        if self._token is None or self._token is False or self._token == "":
            return False
        if not isinstance(self._token, str | int):
            raise PermanentError(
                f'Resource "{self._resource}": pagination.cursorPath leads to something that is '
                "neither text nor a number.",
                reason="InvalidConfig",
            )
        if self._met_before(str(self._token)):
            raise PermanentError(
                f'Resource "{self._resource}": the pages lead in a circle, since the service '
                "gave the same cursor twice."
            )
        return True

    def update_request(self, request: Request) -> None:
        if self._has_next_page:
            request.params = {**(request.params or {}), self._pagination.cursor_param: self._token}


def _count(value: Any, resource: str, field: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise PermanentError(
            f'Resource "{resource}": pagination.{field} leads to no number.',
            reason="InvalidConfig",
        ) from None


def _keep_https(target: str, here: str) -> str:
    """Servers behind a proxy name themselves with http: the same host is asked with https."""
    to, at = urlsplit(target), urlsplit(here)
    if (
        at.scheme == "https"
        and to.scheme == "http"
        and to.hostname == at.hostname
        and to.port in (None, 80)
        and at.port in (None, 443)
    ):
        return urlunsplit(to._replace(scheme="https", netloc=at.netloc))
    return target
