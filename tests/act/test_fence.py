"""A write leaves only while its process leads, however long its connection took."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from spark_operator.act.api import Api, Fenced
from spark_operator.act.fence import FencedRequest


class SlowConnector(aiohttp.TCPConnector):
    """Something happens while a connection is made."""

    meanwhile: Any = staticmethod(lambda: None)

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        made = await super().connect(*arguments, **options)
        self.meanwhile()
        return made


async def attempt(*, lose_the_lead: bool, fenced: bool) -> tuple[list[str], str]:
    """What the server received, and how the write ended."""
    received: list[str] = []
    leading = [True]

    async def take(request: web.Request) -> web.Response:
        received.append(request.method)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    connector = SlowConnector()
    if lose_the_lead:
        connector.meanwhile = leading.clear
    session = aiohttp.ClientSession(connector=connector, request_class=FencedRequest)
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


@pytest.mark.parametrize(
    ("lose_the_lead", "fenced", "expected"),
    [
        (False, True, (["POST"], "answered")),
        (True, True, ([], "fenced")),
        # The Lease itself is written by those who do not lead yet.
        (True, False, (["POST"], "answered")),
    ],
)
def test_a_write_whose_connection_stood_only_after_the_lead_was_lost_is_not_sent(
    lose_the_lead: bool, fenced: bool, expected: tuple[list[str], str]
) -> None:
    assert asyncio.run(attempt(lose_the_lead=lose_the_lead, fenced=fenced)) == expected
