"""The socket under the SDK, which leaves other users of the SDK alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from deepgram import AsyncDeepgramClient
from deepgram import transport as hook
from deepgram.listen.v1 import client
from websockets.asyncio.server import ServerConnection

from callscribe.engines.deepgram.service import environment
from callscribe.engines.deepgram.transport import MAX_MESSAGE, Transport, make_transport
from callscribe.errors import ConfigurationError, UpstreamError
from tests.engines.deepgram.upstream import REQUEST_ID, Behaviour, swallow, upstream

pytestmark = pytest.mark.anyio


async def echo(connection: ServerConnection) -> None:
    async for frame in connection:
        await connection.send(frame)
        if frame == "end":
            return


@pytest.fixture(autouse=True)
def _no_hook_stays() -> Iterator[None]:
    yield
    hook.restore_transport()


async def made(address: str, resources: AsyncExitStack) -> Transport:
    sdk = AsyncDeepgramClient(api_key="k", environment=environment(address))
    return await make_transport(lambda: sdk.listen.v1.connect(model="nova-3"), resources)


async def test_it_carries_frames_and_says_why_it_closed() -> None:
    async with upstream(echo) as address, AsyncExitStack() as resources:
        transport = await made(address, resources)
        with pytest.raises(RuntimeError, match="not been opened"):
            await transport.send("too soon")
        await transport.open()
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


async def test_it_takes_what_leaves_at_once_while_nothing_waits_in_it() -> None:
    async with upstream(swallow) as address, AsyncExitStack() as resources:
        transport = await made(address, resources)
        with pytest.raises(RuntimeError, match="not been opened"):
            transport.take(b"too soon")
        await transport.open()
        assert transport.take(b"at once")
        sending = [asyncio.create_task(transport.send(bytes(900_000))) for _ in range(20)]
        await asyncio.sleep(0)  # more than the system takes
        assert not transport.take(b"behind that")
        await asyncio.gather(*sending)
        await transport.close()
        assert not transport.take(b"too late")


async def test_closing_what_never_opened_is_nothing() -> None:
    await Transport("ws://127.0.0.1:1", {}).close()


async def test_other_clients_of_the_sdk_keep_their_sockets() -> None:
    before = client.websockets_client_connect
    async with AsyncExitStack() as resources:
        transport = await made("ws://127.0.0.1:1", resources)
        assert client.websockets_client_connect is before
        with pytest.raises(UpstreamError):
            await transport.open()


async def test_a_sync_transport_of_the_program_stays() -> None:
    hook.install_transport(sync_factory=lambda *_: None)
    mine = client.websockets_sync_client
    async with AsyncExitStack() as resources:
        await made("ws://127.0.0.1:1", resources)
    assert type(client.websockets_sync_client) is type(mine)


async def test_a_transport_of_the_program_is_not_replaced() -> None:
    hook.install_transport(async_factory=lambda *_: None)
    async with AsyncExitStack() as resources:
        with pytest.raises(ConfigurationError, match="restore_transport"):
            await made("ws://127.0.0.1:1", resources)


@pytest.mark.parametrize("proxy", ["socks5h://user:secret@127.0.0.1:1", "gopher://secret@x"])
async def test_a_proxy_that_cannot_be_used_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ws_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    async with AsyncExitStack() as resources:
        transport = await made("ws://127.0.0.1:1", resources)
        with pytest.raises(UpstreamError) as caught:
            await transport.open()
    assert caught.value.code == "deepgram_unreachable"
    assert "proxy" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("address", ["ws://a..invalid", "ws://127.0.0.1:99999"])
async def test_an_address_that_cannot_be_is_no_crash(address: str) -> None:
    async with AsyncExitStack() as resources:
        transport = await made(address, resources)
        with pytest.raises(UpstreamError) as caught:
            await transport.open()
    assert caught.value.code == "deepgram_unreachable"


async def unreadable(connection: ServerConnection) -> None:
    """A text frame that is no UTF-8."""
    connection.transport.write(b"\x81\x02\xff\xfe")
    await swallow(connection)


async def too_long(connection: ServerConnection) -> None:
    await connection.send("x" * (MAX_MESSAGE + 1))
    await swallow(connection)


async def nonsense(connection: ServerConnection) -> None:
    """A frame of a kind that does not exist."""
    connection.transport.write(b"\x83\x00")
    await swallow(connection)


@pytest.mark.parametrize(
    ("behave", "code"), [(unreadable, 1007), (too_long, 1009), (nonsense, 1002)]
)
async def test_a_code_that_we_sent_says_nothing_about_what_we_sent(
    behave: Behaviour, code: int
) -> None:
    async with upstream(behave) as address, AsyncExitStack() as resources:
        transport = await made(address, resources)
        await transport.open()
        with pytest.raises(UpstreamError) as caught:
            await transport.recv()
    assert f"({code}" in caught.value.message
    assert (caught.value.code, caught.value.retryable) == ("deepgram_closed", True)


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009])
async def test_a_code_that_came_says_that_what_we_sent_was_wrong(code: int) -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(code, "no")

    async with upstream(refuse) as address, AsyncExitStack() as resources:
        transport = await made(address, resources)
        await transport.open()
        await transport.send("hello")
        with pytest.raises(UpstreamError) as caught:
            await transport.recv()
    assert f"({code}: no)" in caught.value.message
    assert (caught.value.code, caught.value.retryable) == ("deepgram_closed", False)
