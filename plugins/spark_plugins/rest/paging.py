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
from spark_plugins.rest import paging_config as c
from spark_plugins.rest.body import put


def paginator(pagination: c.Pagination | None, *, resource: str) -> BasePaginator:
    """The paginator that `pagination` describes; without one there is a single page."""
    match pagination:
        case None | c.NoPagination():
            return SinglePagePaginator()
        case c.LinkHeader() | c.NextUrl():
            return LinkPaginator(resource, pagination)
        case c.PageNumber():
            return NumberPaginator(resource, pagination)
        case c.Offset():
            return ReceivedPaginator(resource, pagination)
        case c.Cursor() | c.HeaderCursor():
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
        self.received = 0
        self._seen: set[bytes] = set()

    def init_request(self, request: Request) -> None:  # noqa: ARG002  (subclasses change it)
        self._reset()

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        self.pages += 1
        self.received += len(data or [])
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

    def _has_more(self, path: str, response: Response) -> bool:
        value = self._one(path, response)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        raise PermanentError(
            f'Resource "{self._resource}": pagination.hasMorePath leads to neither true nor false.',
            reason="InvalidConfig",
        )

    def _check_total(self, path: str | None, response: Response) -> None:
        """At the end of the list; raises where the service has counted more than it gave."""
        if path is not None:
            self._compare(_count(self._one(path, response), self._resource, "totalPath"))

    def _compare(self, total: int) -> None:
        # Some cut each list at 1000 records or so, and end it as if there were no more.
        if self.received < total:
            raise PermanentError(
                f'Resource "{self._resource}": the list ends after {self.received} records, though '
                f"the service counts {total}: it cuts long lists. Narrow it by params or "
                "incremental, or do without the total in pagination.",
                reason="InvalidConfig",
            )


class LinkPaginator(_Bounded):
    """Follow a header `Link`, or an address in the answer."""

    def __init__(self, resource: str, pagination: c.LinkHeader | c.NextUrl) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination
        self._next = ""

    def _target(self, response: Response) -> Any:
        if isinstance(self._pagination, c.LinkHeader):
            return response.links.get(self._pagination.rel, {}).get("url")
        return self._one(self._pagination.next_url_path, response)

    def _find_next(self, response: Response, data: list[Any]) -> bool:  # noqa: ARG002
        # Never by the number of records: a server may cap a page, or filter one empty.
        target = self._target(response)
        if not target:
            self._check_totals(response)
            return False
        if not isinstance(target, str):
            raise PermanentError(
                f'Resource "{self._resource}": pagination.nextUrlPath leads to something that is '
                "no address.",
                reason="InvalidConfig",
            )
        here = response.url
        self._next = self._at_home(_keep_https(urljoin(here, target), here), here)
        # The first page was not reached by a link: without it a link back would go round once.
        self._met_before(here)
        if self._met_before(self._next):
            raise PermanentError(
                f'Resource "{self._resource}": the pages lead in a circle, since '
                f"{show(here)} names a page as the next one that was fetched before."
            )
        return True

    def _check_totals(self, response: Response) -> None:
        if isinstance(self._pagination, c.LinkHeader) and self._pagination.total_header:
            counted = response.headers.get(self._pagination.total_header)
            self._compare(_count(counted, self._resource, "totalHeader"))
        self._check_total(self._pagination.total_path, response)

    def _at_home(self, target: str, here: str) -> str:
        to, at = urlsplit(target), urlsplit(here)
        if self._pagination.other_host == "refuse" or to[:2] == at[:2]:
            # The session refuses another host before anything is sent.
            return target
        # A server behind another name writes links with the name in its own settings, and with
        # its own path before them. Pages differ by the query alone: that is all we take.
        return urlunsplit(at._replace(query=to.query, fragment=""))

    def update_request(self, request: Request) -> None:
        if self._has_next_page:
            request.url = self._next
            # The address is complete; the parameters would be appended to it once more.
            request.params = {}


class NumberPaginator(_Bounded):
    """Count pages until one is empty, or as far as the service says."""

    def __init__(self, resource: str, pagination: c.PageNumber) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination

    def init_request(self, request: Request) -> None:
        super().init_request(request)
        self.update_request(request)

    def _find_next(self, response: Response, data: list[Any]) -> bool:
        settings = self._pagination
        if settings.has_more_path is not None:
            more = self._has_more(settings.has_more_path, response)
        elif settings.total_pages_path is not None:
            total = _count(
                self._one(settings.total_pages_path, response), self._resource, "totalPagesPath"
            )
            more = self.pages < total
        else:
            more = bool(data)
        if more and data and self._met_before(json.dumps(data, sort_keys=True)):
            # A server that does not know the parameter answers with its first page for ever.
            raise PermanentError(
                f'Resource "{self._resource}": page {self.pages} holds the same records as a page '
                f'before, so the service does not count by "{self._place}": set '
                "pagination.pageParam, pageBodyPath or totalPagesPath.",
                reason="InvalidConfig",
            )
        return more

    @property
    def _place(self) -> str:
        return self._pagination.page_body_path or self._pagination.page_param

    def update_request(self, request: Request) -> None:
        page = self._pagination.first_page + self.pages
        _write(request, self._pagination.page_param, self._pagination.page_body_path, page)


class ReceivedPaginator(_Bounded):
    """Count the records received: to add the limit would skip what a server held back."""

    def __init__(self, resource: str, pagination: c.Offset) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination

    def init_request(self, request: Request) -> None:
        super().init_request(request)
        self.update_request(request)

    def _find_next(self, response: Response, data: list[Any]) -> bool:
        settings = self._pagination
        if not data:
            # The offset would stay where it is, and the page empty for ever.
            if settings.has_more_path and self._has_more(settings.has_more_path, response):
                raise PermanentError(
                    f'Resource "{self._resource}": the page from {self.received} on is empty, '
                    "though the service says that more follows.",
                )
            self._check_total(settings.total_path, response)
            return False
        if settings.has_more_path is not None:
            more = self._has_more(settings.has_more_path, response)
            if not more:
                self._check_total(settings.total_path, response)
        elif settings.total_path is not None:
            total = _count(self._one(settings.total_path, response), self._resource, "totalPath")
            more = self.received < total
        else:
            more = True
        if more and self._met_before(json.dumps(data, sort_keys=True)):
            raise PermanentError(
                f'Resource "{self._resource}": the records from {self.received - len(data)} on are '
                "the same as those before, so the service does not count by "
                f'"{settings.offset_body_path or settings.offset_param}": set '
                "pagination.offsetParam or offsetBodyPath.",
                reason="InvalidConfig",
            )
        return more

    def update_request(self, request: Request) -> None:
        settings = self._pagination
        _write(request, settings.offset_param, settings.offset_body_path, self.received)
        _write(request, settings.limit_param, settings.limit_body_path, settings.limit)


class TokenPaginator(_Bounded):
    """Give back the token of the answer or of its header, until there is none."""

    def __init__(self, resource: str, pagination: c.Cursor | c.HeaderCursor) -> None:
        super().__init__(resource, pagination.max_pages)
        self._pagination = pagination
        self._token: Any = None

    def _find_next(self, response: Response, data: list[Any]) -> bool:  # noqa: ARG002
        settings = self._pagination
        if isinstance(settings, c.HeaderCursor):
            self._token = response.headers.get(settings.cursor_header, "").strip()
        else:
            self._token = self._one(settings.cursor_path, response)
        ended = self._token is None or self._token is False or self._token == ""
        if isinstance(settings, c.Cursor):
            if settings.has_more_path and not self._has_more(settings.has_more_path, response):
                # Such services give a token to ask for news with, also at the end.
                ended = True
            if ended:
                self._check_total(settings.total_path, response)
        if ended:
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
            path = getattr(self._pagination, "cursor_body_path", None)
            _write(request, self._pagination.cursor_param, path, self._token)


def _write(request: Request, param: str, body_path: str | None, value: Any) -> None:
    if body_path is not None:
        request.json = put(request.json, body_path, value)
    else:
        request.params = {**(request.params or {}), param: value}


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
