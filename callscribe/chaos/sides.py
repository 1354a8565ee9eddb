"""The two sockets of a connection: opening one, ending either, seeing that the other end left.

May import ``chaos.heads``.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from typing import Final, NamedTuple

from callscribe.chaos.heads import Upstream

DIAL: Final = 10.0
PART: Final = 5.0
"""Seconds that the other end has to leave, or to take the rest, before the socket is cut off."""

LOOK: Final = 0.1
"""Seconds between two looks at a socket whose bytes are left where they are."""


class Side(NamedTuple):
    """A socket."""

    reader: StreamReader
    writer: StreamWriter


async def dial(upstream: Upstream) -> Side:
    """Connects to the server behind; ``OSError`` or ``TimeoutError`` when that cannot be."""
    context = ssl.create_default_context() if upstream.tls else None
    async with asyncio.timeout(DIAL):
        return Side(*await asyncio.open_connection(upstream.host, upstream.port, ssl=context))


async def hang_up(side: Side, *, reset: bool = False) -> None:
    """Ends a socket: in good order, or as if the cable had been cut."""
    writer = side.writer
    if reset:
        found: socket.socket = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it may be closed already
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
    try:
        async with asyncio.timeout(PART):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def until_left(side: Side) -> None:
    """Waits for the other end to leave; what it sends is kept for later."""
    transport = side.writer.transport
    found: socket.socket = side.writer.get_extra_info("socket")
    poll = select.poll()
    poll.register(found.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
    while not (transport.is_closing() or poll.poll(0)):  # noqa: ASYNC110 - nobody else tells
        await asyncio.sleep(LOOK)


async def discard(side: Side) -> None:
    """Waits for the other end to leave; what it sends is thrown away, and nothing answered."""
    with contextlib.suppress(OSError):
        while await side.reader.read(1 << 16):
            pass


async def send_off(side: Side) -> None:
    """Says that nothing more comes, and gives the other end time to take the last bytes."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PART):
            side.writer.write_eof()
            await discard(side)
