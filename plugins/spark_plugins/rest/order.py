"""Holding a service to the order that `rowOrder` says it gives.

Believed without a look, a wrong order loses records: the place reached would pass those that are still to
come, or the pages would end before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dlt.common import jsonpath

from spark_plugins.errors import PermanentError
from spark_plugins.rest import config as c


def in_order(
    pages: Iterable[Any], settings: c.Incremental, start: Any, resource: str
) -> Iterator[Any]:
    """The pages; with `desc` to the one that goes below `start`, and no further.

    dlt would end at the first record that it knows: another one of the same moment, on the next page,
    may have changed. Raises `PermanentError` for a page that is not in order, before it is given.
    """
    latest = None
    for page in pages:
        for value in _values(page, settings.cursor_path):
            if latest is not None and _misplaced(value, latest, settings, resource):
                raise PermanentError(
                    f'Resource "{resource}": the records do not come in the order that '
                    "incremental.rowOrder says: sort them by params, or leave rowOrder out.",
                    reason="InvalidConfig",
                )
            latest = value
        yield page
        if settings.row_order == "desc" and None not in (start, latest) and latest < start:
            return


def _values(page: Any, path: str) -> Iterator[Any]:
    for record in page:
        for value in jsonpath.find_values(path, record)[:1]:
            if value is not None:
                yield value


def _misplaced(value: Any, latest: Any, settings: c.Incremental, resource: str) -> bool:
    try:
        return bool(value < latest if settings.row_order == "asc" else value > latest)
    except TypeError:
        raise PermanentError(
            f'Resource "{resource}": values of incremental.cursorPath are of more than one kind, and '
            "have no order.",
            reason="InvalidConfig",
        ) from None
