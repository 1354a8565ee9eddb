"""The socket under the SDK, also for users of the SDK who are not ours."""

from __future__ import annotations

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.engines.deepgram.transport import Transport, collect
from callscribe.errors import UpstreamError
from tests.engines.deepgram.upstream import REQUEST_ID, upstream

pytestmark = pytest.mark.anyio


async def echo(connection: ServerConnection) -> None:
    async for frame in connection:
        await connection.send(frame)
        if frame == "end":
            return


async def test_it_opens_when_it_is_first_used() -> None:
    async with upstream(echo) as address:
        transport = Transport(address, {"X-A": "b"})
        await transport.send("hello")
        assert await transport.recv() == "hello"
        assert transport.request_id == REQUEST_ID
        await transport.send("end")
        assert [frame async for frame in transport] == ["end"]
        await transport.close()
        with pytest.raises(UpstreamError):
            await transport.send("more")
        with pytest.raises(UpstreamError):
            await transport.recv()


async def test_closing_what_never_opened_is_nothing() -> None:
    await Transport("ws://127.0.0.1:1", {}).close()


async def test_transports_are_collected() -> None:
    made = collect()
    transport = Transport("ws://127.0.0.1:1", {})
    assert made == [transport]
    with pytest.raises(UpstreamError):
        await transport.open()
