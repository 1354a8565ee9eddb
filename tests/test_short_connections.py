"""A thousand short connections, by bare sockets and by our own client: nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from callscribe.engines.deepgram.connection import DeepgramStreamingConnection
from callscribe.engines.deepgram.service import DeepgramTranscriptionService
from callscribe.settings import Settings
from callscribe.transcript import Result
from callscribe.web.listen.stream import ListenStream
from tests.engines_for_tests import EnergyEngine, tones
from tests.leftovers import Held, alive, one_worker
from tests.serving import Served, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

COUNT = 1000
AT_ONCE = 20
RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
AUDIO = tones(400, gap=0.1, length=0.1)

Short = Callable[[int], Awaitable[None]]


class Noting(EnergyEngine):
    """Knows the event loop that it is used on: the server's."""

    loop: asyncio.AbstractEventLoop

    async def transcribe_streaming(self, *args: Any, **more: Any) -> Any:
        if not self.connections:
            self.loop = asyncio.get_running_loop()
            one_worker(self.loop)
        return await super().transcribe_streaming(*args, **more)


@pytest.fixture
def noting(settings: Settings) -> Iterator[Served]:
    """A real server that hears tones, and whose loop can be looked into."""
    with serving(settings, lambda _name, _settings: Noting()) as served:
        yield served


async def many(short: Short, count: int) -> None:
    """So many short connections, some at once."""
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await short(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_the_other())


async def leaves_nothing(served: Served, short: Short) -> None:
    """Runs the connections, and counts before and after; some go first, to load what stays."""
    one_worker(asyncio.get_running_loop())
    await many(short, AT_ONCE)
    engine = served.engine
    assert isinstance(engine, Noting)
    loops = (asyncio.get_running_loop(), engine.loop)
    before = await Held.settled(*loops)
    await many(short, COUNT)
    assert await before.again(*loops) == before
    assert engine.open_legs == 0
    assert len(engine.connections) == AT_ONCE + COUNT
    assert not any(leg.is_connected for leg in engine.connections)
    assert not served.server.server_state.connections
    assert not served.server.server_state.tasks
    engine.connections.clear()  # the test's engine remembers them, and through them the streams
    assert alive(ListenStream) == 0


async def test_streams_from_bare_sockets(noting: Served) -> None:
    heard: list[int] = []

    async def short(number: int) -> None:
        async with connect(noting.ws + RAW) as socket:
            await socket.send(AUDIO)
            match number % 3:
                case 0:  # in good order
                    await socket.send('{"type": "CloseStream"}')
                    texts = [text async for text in socket]
                    heard.append('"f400"' in str(texts))
                    assert socket.close_code == 1000
                case 1:  # without waiting for results
                    await socket.close()
                case _:  # the network is gone
                    socket.transport.abort()

    await leaves_nothing(noting, short)
    assert sum(heard) == len(range(0, AT_ONCE, 3)) + len(range(0, COUNT, 3))


async def test_streams_from_our_own_client(noting: Served) -> None:
    engine = DeepgramTranscriptionService("any", base_url=noting.ws)
    texts: list[str] = []

    def tell(event: object) -> None:
        if isinstance(event, Result) and event.is_final and event.text:
            texts.append(event.text)

    async def short(number: int) -> None:
        leg = await engine.transcribe_streaming(f"short-{number}", "fr", 16_000, tell)
        await leg.send_audio(AUDIO)
        if number % 2:
            await leg.finalize()
        await leg.close()
        assert not leg.is_connected

    await leaves_nothing(noting, short)
    assert texts == ["f400"] * (AT_ONCE + COUNT)
    assert alive(DeepgramStreamingConnection) == 0
    await engine.close()
