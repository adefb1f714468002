"""Answers of the API server, to kopf and to us, cut where they nest too deep for any JSON parser of Python's."""

from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
from aiohttp.connector import Connection

from spark_operator.model import nesting


class _Shallow:
    """The content of an answer, by line: a watch sends an event in each, all else is one."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def read(self, n: int = -1) -> bytes:
        if n >= 0:
            raise NotImplementedError("a part of a document cannot be cut")
        return nesting.shallow(await self._content.read())

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        rest = b""
        async for chunk in self._content.iter_chunked(n):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                yield b"".join(nesting.shallow(line) + b"\n" for line in lines)
        if rest:
            yield nesting.shallow(rest)


class ShallowResponse(aiohttp.ClientResponse):
    """For ``ClientSession(response_class=…)``."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        started = await super().start(connection)
        self.content = cast(aiohttp.StreamReader, _Shallow(self.content))
        return started
