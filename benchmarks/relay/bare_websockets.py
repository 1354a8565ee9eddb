"""The least that a relay on ``websockets`` and uvloop can do.

python -m benchmarks.relay.bare_websockets PORT ws://127.0.0.1:SINK

It does what ``bare_picows`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from base64 import b64decode
from functools import partial

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.relay.bare import HEADERS, QUERY, READY, heard, told

PATIENCE = 2.0
"""Seconds in which the last results come."""


async def relay(url: str, leg: ServerConnection) -> None:
    """One leg with its upstream."""
    opening = connect(url, compression=None, additional_headers=HEADERS)
    async with opening as upstream, asyncio.TaskGroup() as tasks:
        returning = tasks.create_task(give_back(upstream, leg))
        await leg.send(READY.decode())
        async for text in leg:
            message = heard(text)
            if message.media is not None:
                await upstream.send(b64decode(message.media.payload))
            elif message.event == "stop":
                await upstream.send('{"type":"CloseStream"}')
                break
        await asyncio.wait([returning], timeout=PATIENCE)
        returning.cancel()


async def give_back(upstream: ClientConnection, leg: ServerConnection) -> None:
    """What the recogniser says goes back on the leg's socket."""
    with contextlib.suppress(ConnectionClosed):
        async for text in upstream:
            result = told(text)
            if result is not None:
                await leg.send(result.decode())


async def main(port: int, sink: str) -> None:
    """Relays until it is ended."""
    url = f"{sink}/v1/listen?{QUERY}"
    async with serve(partial(relay, url), "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
