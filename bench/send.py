"""Sends prepared requests over the operator's session, as fast as its connections allow.

    python -m bench.send FILE --connections 16 --agent bench-bare

Each line of the file is a list of ``[method, path, content type, body]``: one worker sends these one
after another, as a claim must come before its Job. It reads no answer but its status, so it is the
ceiling for a client of this kind: whatever decides something as well can only be slower.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from bench.prepared import Prepared, read
from spark_operator.serve.connection import connect


class RefusedError(Exception):
    """The API server took a prepared request not."""


async def _send(session: aiohttp.ClientSession, server: str, agent: str, request: Prepared) -> None:
    method, path, content_type, body = request
    headers = {"Content-Type": content_type, "Accept": "application/json", "User-Agent": agent}
    async with session.request(method, server + path, data=body, headers=headers) as response:
        answer = await response.read()
        if response.status >= 300:
            raise RefusedError(f"{method} {path}: {response.status} {answer[:500]!r}")


async def send_all(lines: Iterator[list[Prepared]], connections: int, agent: str) -> None:
    """Raises RefusedError, aiohttp.ClientError for the first that fails."""
    connection = connect(time.monotonic)
    server = connection.server.rstrip("/")

    async def work(session: aiohttp.ClientSession) -> None:
        for requests in lines:
            for request in requests:
                await _send(session, server, agent, request)

    async with connection.session() as session:
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(connections):
                    workers.create_task(work(session))
        finally:
            await connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.send", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--agent", default="bench")
    chosen = parser.parse_args()
    lines = list(read(chosen.file))
    asyncio.run(send_all(iter(lines), chosen.connections, chosen.agent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
