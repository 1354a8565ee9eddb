"""Two ends of a TCP connection, within one test."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

from callscribe.chaos.sides import Side


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[Side, Side]]:
    """Gives this end and the other; closed when the block ends."""
    there: asyncio.Future[Side] = asyncio.get_running_loop().create_future()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        there.set_result(Side(reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ends = Side(*await asyncio.open_connection("127.0.0.1", port)), await there
    try:
        yield ends
    finally:
        server.close()
        for side in ends:
            side.writer.transport.abort()
        await asyncio.sleep(0)
