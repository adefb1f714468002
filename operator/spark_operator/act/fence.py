"""The last look at the lead before a write leaves: when its connection stands, not when it was wished.

Between the two lies the making of a connection, which takes milliseconds of an ordinary day and ends
after a minute for a process that was frozen in it. Meanwhile a successor may have run, recorded and
pruned the very Job that the write would make, whose name is then free again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.abc import AbstractStreamWriter
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

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """The headers wait for the body, which before Python 3.12 is written in the loop's next turn;
        in a burst that turn is long enough to be frozen in."""
        try:
            _check(_guard.get())
        except Fenced as fenced:
            # We are a task that nobody awaits: whoever waits for the answer is told.
            if conn.protocol is not None:
                conn.protocol.set_exception(fenced)
            return
        await super().write_bytes(writer, conn, content_length)
