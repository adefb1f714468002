"""A write leaves only while its process leads, however long its connection took."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from spark_operator.act.api import Api, Fenced
from spark_operator.act.fence import FencedRequest


class Connector(aiohttp.TCPConnector):
    """Something happens while a connection is made."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        made = await super().connect(*arguments, **options)
        self._meanwhile()
        return made


async def attempt(moment: str, *, fenced: bool = True) -> tuple[list[str], str]:
    """What the server received, and how the write ended; the lead is lost at that moment."""
    received: list[str] = []
    leading = [True]

    class Request(FencedRequest):
        async def send(self, conn: Any) -> Any:
            begun = await super().send(conn)
            if moment == "before the body":
                leading.clear()
            return begun

    async def take(request: web.Request) -> web.Response:
        received.append(request.method)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    connector = Connector(leading.clear if moment == "while it connects" else lambda: None)
    session = aiohttp.ClientSession(connector=connector, request_class=Request)
    try:
        api = Api(session, f"http://127.0.0.1:{port}", lambda: bool(leading))
        await api.write("POST", "/jobs", {"kind": "Job"}, fenced=fenced)
        ended = "answered"
    except Fenced:
        ended = "fenced"
    finally:
        await session.close()
        await runner.cleanup()
    return received, ended


def test_a_write_of_a_leader_is_sent() -> None:
    assert asyncio.run(attempt("never")) == (["POST"], "answered")


def test_a_write_whose_connection_stood_only_after_the_lead_was_lost_is_not_sent() -> None:
    assert asyncio.run(attempt("while it connects")) == ([], "fenced")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the body is written at once")
def test_a_write_that_waits_for_its_turn_while_the_lead_is_lost_is_not_sent() -> None:
    assert asyncio.run(attempt("before the body")) == ([], "fenced")


def test_the_lease_is_written_by_those_who_do_not_lead_yet() -> None:
    assert asyncio.run(attempt("while it connects", fenced=False)) == (["POST"], "answered")
