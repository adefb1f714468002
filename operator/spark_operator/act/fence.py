"""The last look at the lead before a write leaves: when its connection stands, not when it was wished.

Between the two lies the making of a connection, which takes milliseconds of an ordinary day and ends
after a minute for a process that was frozen in it. Meanwhile a successor may have run, recorded and
pruned the very Job that the write would make, whose name is then free again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.connector import Connection

Guard = Callable[[], bool]


class Fenced(Exception):
    """This process does not lead, so it must not write."""


_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


@contextmanager
def fenced_by(guard: Guard) -> Iterator[None]:
    """Requests made within go out only if ``guard`` agrees at that moment. Raises Fenced."""
    _check(guard)
    before = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(before)


def _check(guard: Guard | None) -> None:
    if guard is not None and not guard():
        raise Fenced("this replica does not hold the Lease")


class FencedRequest(aiohttp.ClientRequest):
    """To be the ``request_class`` of a session."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        _check(_guard.get())
        return await super().send(conn)
