"""Every fault over real sockets, before our own server and behind real clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from callscribe.chaos import ChaosProxy, Happening
from tests.engines_for_tests import tones
from tests.serving import Served
from tests.web.listen.sdk import Conversation, client, streaming

pytestmark = [
    pytest.mark.anyio,
    # The SDK still uses the old half of its socket library.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
SPEECH = tones(400) + bytes(64_000)


def faults(proxy: ChaosProxy) -> list[Happening]:
    return [happening for happening in proxy.happenings if happening.fault]


async def until(done: Any) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


async def nobody_listens(served: Served) -> None:
    """The server has noticed that its stream is gone."""
    await until(lambda: not served.engine.open_legs)


async def talk(conversation: Conversation) -> None:
    """Says a word every 50 ms until the connection is lost."""
    with contextlib.suppress(ConnectionClosed):
        while not conversation.errors:
            await conversation.socket.send_media(SPEECH)
            await asyncio.sleep(0.05)


async def test_a_drop_is_a_reset_on_both_sides(served: Served) -> None:
    async with ChaosProxy(served.ws, ["drop@0.2"]) as proxy:
        async with streaming(proxy.port) as heard, asyncio.timeout(10):
            await heard.socket.send_media(SPEECH)
            await heard.until("Results")
            await until(lambda: heard.errors)
        await nobody_listens(served)
    (error,) = heard.errors
    assert isinstance(error, ConnectionClosedError)
    assert (error.rcvd, error.sent) == (None, None)
    (drop,) = faults(proxy)
    assert drop.connection == 1
    assert drop.second >= 0.2


@pytest.mark.parametrize(("code", "reason"), [(1008, "DATA-0000"), (1011, "NET-0001"), (1013, "")])
async def test_closes(served: Served, code: int, reason: str) -> None:
    async with ChaosProxy(served.ws, [f"close:{code}@0.1"]) as proxy:
        async with streaming(proxy.port) as heard:
            await until(lambda: heard.errors)
        await nobody_listens(served)
    (error,) = heard.errors
    assert isinstance(error, ConnectionClosedError)
    assert error.rcvd is not None
    assert error.rcvd.code == code
    assert error.rcvd.reason.startswith(reason)


async def test_what_the_server_says_can_be_held_up(served: Served) -> None:
    async with ChaosProxy(served.ws, ["stall:down@0+0.5"]) as proxy:
        address = proxy.ws + RAW
        async with connect(address, ping_interval=0.1, ping_timeout=0.3) as socket:
            await socket.send(SPEECH)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.3)
            assert json.loads(await socket.recv())["type"] == "Results"
    begun, ended = faults(proxy)
    assert begun.second < 0.5 <= ended.second


async def test_what_the_client_says_can_be_held_up_and_is_not_lost(served: Served) -> None:
    async with (
        ChaosProxy(served.ws, ["stall:up@0.1+0.5"]) as proxy,
        streaming(proxy.port) as heard,
    ):
        await until(lambda: faults(proxy))
        for frequency in (400, 600, 800):
            await heard.socket.send_media(tones(frequency, gap=0.4))
        await asyncio.sleep(0.2)
        assert not heard.messages
    assert heard.text == "f400 f600 f800"
    assert heard.of("Metadata")


async def test_a_stall_without_end_ends_with_the_client(served: Served) -> None:
    for fault in ("stall:up", "stall:down"):
        async with ChaosProxy(served.ws, [fault]) as proxy:
            async with connect(proxy.ws + RAW, close_timeout=0.1) as socket:
                await until(lambda proxy=proxy: faults(proxy))
                await socket.send(SPEECH)
            await until(lambda proxy=proxy: "the client left" in proxy.happenings[-1].what)
            await nobody_listens(served)


async def test_a_half_open_socket_answers_nothing_and_stays(served: Served) -> None:
    async with (
        ChaosProxy(served.ws, ["half-open@0.1"]) as proxy,
        connect(proxy.ws + RAW, ping_interval=None, close_timeout=0.1) as socket,
    ):
        await asyncio.wait_for(await socket.ping(), 5)
        await until(lambda: faults(proxy))
        await nobody_listens(served)
        await socket.send(SPEECH)
        pong = await socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)
        assert socket.close_code is None
    with contextlib.suppress(ConnectionClosed):
        await pong


async def test_pings_find_a_half_open_socket(served: Served) -> None:
    async with ChaosProxy(served.ws, ["half-open"]) as proxy:
        address = proxy.ws + RAW
        async with connect(
            address, ping_interval=0.1, ping_timeout=0.2, close_timeout=0.1
        ) as socket:
            with pytest.raises(ConnectionClosedError, match="ping timeout"):
                await asyncio.wait_for(socket.recv(), 10)


async def test_everything_takes_longer_each_way(served: Served) -> None:
    async with ChaosProxy(served.ws, ["delay:100-150@0.2+0.5"]) as proxy:
        clock = asyncio.get_running_loop().time
        async with connect(proxy.ws + RAW, ping_interval=None) as socket:
            await until(lambda: faults(proxy))
            began = clock()
            await (await socket.ping())
            assert clock() - began >= 0.2
            await until(lambda: len(faults(proxy)) == 2)
            await socket.send(SPEECH)
            await socket.send('{"type":"CloseStream"}')
            kinds = [json.loads(text)["type"] async for text in socket]
            assert kinds[-1] == "Metadata"
            assert socket.close_code == 1000


@pytest.mark.parametrize("way", ["cut", "type", "null", "binary"])
async def test_one_message_is_broken(served: Served, way: str) -> None:
    async with (
        ChaosProxy(served.ws, [f"garble:{way}"]) as proxy,
        connect(proxy.ws + RAW) as socket,
    ):
        await socket.send(SPEECH)
        await socket.send('{"type":"CloseStream"}')
        first, *rest = [message async for message in socket]
    assert [isinstance(message, str) for message in rest] == [True] * len(rest)
    assert json.loads(rest[-1])["type"] == "Metadata"
    if way == "binary":
        assert isinstance(first, bytes)
    elif way == "cut":
        with pytest.raises(json.JSONDecodeError):
            json.loads(first)
    elif way == "type":
        assert json.loads(first)["type"] == "Chaos"
    else:
        assert json.loads(first)["channel"] is None
    assert [str(happening.fault) for happening in faults(proxy)] == [f"garble:{way}"]


async def test_the_official_client_passes_over_a_type_that_it_does_not_know(
    served: Served,
) -> None:
    options: dict[str, Any] = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
    async with (
        ChaosProxy(served.ws, ["garble:type"]) as proxy,
        client(proxy.port) as sdk,
        sdk.listen.v1.connect(**options) as socket,
    ):
        await socket.send_media(tones(400) + bytes(64_000) + tones(600))
        await socket.send_close_stream()
        found = [message async for message in socket]
    assert faults(proxy)
    assert found[-1].type == "Metadata"


async def test_again_and_again_by_the_seed(served: Served) -> None:
    seen = []
    for _ in range(2):
        async with ChaosProxy(served.ws, ["drop~0.2"], seed=3) as proxy:
            for number in range(1, 4):
                async with streaming(proxy.port) as heard:
                    await talk(heard)
                assert proxy.connections == number
        seen.append([happening.second for happening in faults(proxy)])
        planned = [next(proxy._schedule.plan(n).events).second for n in (1, 2, 3)]
        assert all(p <= s for p, s in zip(planned, seen[-1], strict=True))
    assert len(set(planned)) == 3
    assert [len(seconds) for seconds in seen] == [3, 3]


async def test_faults_for_requests(served: Served) -> None:
    async with ChaosProxy(served.ws, ["drop/1", "half-open/2", "stall:down+0.3/3"]) as proxy:
        address = f"{proxy.http}/v1/auth/token"
        async with httpx.AsyncClient(timeout=httpx.Timeout(10, read=0.5)) as http:
            with pytest.raises(httpx.ReadError):
                await http.get(address)
            with pytest.raises(httpx.ReadTimeout):
                await http.get(address)
            assert (await http.get(address)).status_code == 200
            assert (await http.get(address)).status_code == 200
    assert [happening.connection for happening in faults(proxy)] == [1, 2, 3, 3]


async def test_a_client_that_breaks_the_protocol_is_told_of(served: Served) -> None:
    async with ChaosProxy(served.ws) as proxy, connect(proxy.ws + RAW) as socket:
        socket.transport.write(b"\x81\x02hi")  # a frame without its mask
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert "the client broke the protocol: this is no WebSocket frame" in proxy.happenings[-1].what
