"""The door: connections to 127.0.0.1:PORT outside are carried to 127.0.0.1:PORT inside.

The listening socket is made outside and inherited, so nothing in the machine's own network has to
be changed (no veth, no route, no rule), and it is gone with this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass  # either end is gone, and the other is told by closing
    finally:
        with contextlib.suppress(OSError):
            sink.close()


def run(listener: int, port: int) -> None:
    """Carry connections until killed."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()  # the API server is down: the client sees what it would see of it
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    async def serve() -> None:
        server = await asyncio.start_server(carry, sock=socket.socket(fileno=listener))
        await server.serve_forever()

    asyncio.run(serve())
