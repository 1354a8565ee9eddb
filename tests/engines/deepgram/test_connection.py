"""The promised service over real sockets: our own server behind it, and servers with faults."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.sync.server import ServerConnection as SyncConnection
from websockets.sync.server import serve as serve_in_threads

from callscribe.engines.base import EngineEvent, Lost, StreamOptions
from callscribe.engines.deepgram import (
    DeepgramStreamingConnection,
    DeepgramTranscriptionService,
    watch,
    writer,
)
from callscribe.engines.deepgram import connection as module
from callscribe.errors import AudioError, EngineError, UpstreamError
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw
from tests.engines.deepgram.upstream import REQUEST_ID, swallow, upstream
from tests.engines_for_tests import tones
from tests.serving import Served

pytestmark = pytest.mark.anyio


class Ear:
    """What came back."""

    def __init__(self) -> None:
        self.events: list[EngineEvent] = []

    def __call__(self, event: EngineEvent) -> None:
        self.events.append(event)

    @property
    def results(self) -> list[Result]:
        return [event for event in self.events if isinstance(event, Result)]

    @property
    def text(self) -> str:
        return " ".join(r.text for r in self.results if r.is_final and r.text)

    @property
    def lost(self) -> list[str]:
        return [event.error.code for event in self.events if isinstance(event, Lost)]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def service(served: Served) -> AsyncIterator[DeepgramTranscriptionService]:
    running = DeepgramTranscriptionService("key", base_url=served.ws)
    yield running
    await running.close()


async def opened(address: str, ear: Any, **options: Any) -> DeepgramStreamingConnection:
    service = DeepgramTranscriptionService("key", base_url=address)
    return await service.transcribe_streaming(
        "s", "fr", 16_000, ear, options=StreamOptions(**options)
    )


async def until(done: Any) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


async def test_a_stream_from_end_to_end(service: DeepgramTranscriptionService, ear: Ear) -> None:
    connection = await service.transcribe_streaming("s", "fr", 16_000, ear)
    assert connection.is_connected
    audio = tones(400, 600, gap=0.2) + bytes(64_000) + tones(800)
    for at in range(0, len(audio), 640):
        await connection.send_audio(audio[at : at + 640])
    await connection.close()
    assert not connection.is_connected
    assert ear.text == "f400 f600 f800"
    assert not ear.lost
    assert any(not r.is_final for r in ear.results)
    assert all(r.words and r.latency_ms is not None for r in ear.results if r.text)
    await connection.close()
    with pytest.raises(EngineError):
        await connection.send_audio(b"xx")


async def test_finalize_brings_what_was_said(
    service: DeepgramTranscriptionService, ear: Ear
) -> None:
    connection = await service.transcribe_streaming("s", "fr", 16_000, ear)
    await connection.send_audio(tones(400, gap=0.1))
    await connection.finalize()
    await until(lambda: ear.text)
    assert ear.text == "f400"


async def test_odd_and_empty_audio(service: DeepgramTranscriptionService, ear: Ear) -> None:
    connection = await service.transcribe_streaming("s", "fr", 16_000, ear)
    await connection.send_audio(b"")
    with pytest.raises(AudioError):
        await connection.send_audio(b"x")
    await connection.send_audio(tones(400))
    await connection.close()
    assert ear.text == "f400"


@pytest.mark.parametrize("pass_through", [False, True])
async def test_mulaw_of_a_telephone(served: Served, ear: Ear, pass_through: bool) -> None:
    service = DeepgramTranscriptionService("key", base_url=served.ws)
    options = StreamOptions(encoding="mulaw", pass_through=pass_through)
    connection = await service.transcribe_streaming("s", "fr", 8000, ear, options=options)
    data = samples_to_mulaw(np.frombuffer(tones(400, rate=8000) + bytes(16_000), "<i2"))
    for at in range(0, len(data), 160):
        await connection.send_audio(data[at : at + 160])
    await service.close()
    assert ear.text == "f400"
    assert ear.results[-1].end <= len(data) / 8000


@pytest.mark.parametrize(("pass_through", "width"), [(False, 2), (True, 1)])
async def test_mulaw_is_sent_on_as_it_is_where_that_is_wanted(
    ear: Ear, pass_through: bool, width: int
) -> None:
    sent: list[bytes] = []
    asked: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        async for frame in connection:
            if not isinstance(frame, bytes):
                return
            sent.append(frame)

    async with upstream(note) as address:
        connection = await opened(address, ear, encoding="mulaw", pass_through=pass_through)
        await connection.send_audio(bytes(range(160)))
        await connection.close()
    assert len(b"".join(sent)) == 160 * width
    assert f"encoding={'mulaw' if pass_through else 'linear16'}&" in asked[0]


async def test_a_callback_that_raises_ends_nothing(service: DeepgramTranscriptionService) -> None:
    seen: list[Any] = []

    async def raising(event: EngineEvent) -> None:
        seen.append(event)
        raise RuntimeError("no")

    connection = await service.transcribe_streaming("s", "fr", 16_000, raising)
    connection.on("message", seen.append)
    connection.on("message", lambda _: 1 / 0)
    await connection.send_audio(tones(400) + bytes(64_000) + tones(600))
    await connection.close()
    finals = [e.text for e in seen if isinstance(e, Result) and e.is_final and e.text]
    assert finals == ["f400", "f600"]
    assert connection.callback_errors > len(finals)


async def test_every_signal_of_the_connection_is_seen(
    service: DeepgramTranscriptionService, ear: Ear
) -> None:
    connection = await service.transcribe_streaming("s", "fr", 16_000, ear)
    seen: list[str] = []
    for signal in ("open", "message", "error", "close"):
        connection.on(signal, lambda _, signal=signal: seen.append(signal))  # type: ignore[misc,arg-type]
    await connection.send_audio(tones(400))
    await connection.close()
    assert (seen[0], seen[-1]) == ("open", "close")
    assert "message" in seen
    assert "error" not in seen


async def test_keep_alive_while_nobody_speaks(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "KEEP_ALIVE", 0.05)
    frames: list[str | bytes] = []

    async def note(connection: ServerConnection) -> None:
        async for frame in connection:
            frames.append(frame)
            if frame == '{"type":"CloseStream"}':
                return

    async with upstream(note) as address:
        connection = await opened(address, ear)
        await asyncio.sleep(0.3)
        await connection.send_audio(bytes(640))
        await connection.close()
    kept = [f for f in frames if isinstance(f, str) and "KeepAlive" in f]
    assert len(kept) >= 3
    assert b"" not in frames
    assert frames[-2:] == [bytes(640), '{"type":"CloseStream"}']


async def test_frames_that_wait_are_joined(ear: Ear) -> None:
    frames: list[str | bytes] = []

    async def note(connection: ServerConnection) -> None:
        async for frame in connection:
            frames.append(frame)
            if frame == '{"type":"CloseStream"}':
                return

    async with upstream(note) as address:
        connection = await opened(address, ear)
        for _ in range(100):
            await connection.send_audio(bytes(640))
        await connection.close()
    audio = [f for f in frames if isinstance(f, bytes)]
    assert sum(map(len, audio)) == 64_000
    assert len(audio) < 5
    assert max(map(len, audio)) <= 32_000


async def test_at_the_pace_of_speech_a_frame_is_out_when_the_turn_is_over(ear: Ear) -> None:
    frames: list[str | bytes] = []
    came = threading.Semaphore(0)

    def note(connection: SyncConnection) -> None:
        for frame in connection:
            frames.append(frame)
            came.release()
            if frame == '{"type":"CloseStream"}':
                return

    with serve_in_threads(note, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        connection = await opened(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", ear)
        for _ in range(5):
            await asyncio.sleep(2 * writer.HASTE)
            await connection.send_audio(bytes(640))
            await asyncio.sleep(0)
            assert came.acquire(timeout=10)  # the event loop stands still: nothing else could send
        await connection.close()
        server.shutdown()
        serving.join()
    assert frames == [bytes(640)] * 5 + ['{"type":"CloseStream"}']
    assert not ear.lost


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "deepgram_bad_option"),
        (401, "deepgram_unauthorized"),
        (402, "deepgram_no_credit"),
        (403, "deepgram_forbidden"),
        (429, "deepgram_busy"),
        (503, "deepgram_unavailable"),
    ],
)
async def test_refusals(ear: Ear, status: int, code: str) -> None:
    body = json.dumps({"err_code": "X", "err_msg": "in words"}).encode()
    async with upstream(status=status, body=body) as address:
        with pytest.raises(UpstreamError) as caught:
            await opened(address, ear)
    assert caught.value.code == code
    assert caught.value.request_id == REQUEST_ID
    assert "in words" in caught.value.message


async def test_nobody_there(ear: Ear) -> None:
    async with upstream() as address:
        pass
    with pytest.raises(UpstreamError) as caught:
        await opened(address, ear)
    assert (caught.value.code, caught.value.retryable) == ("deepgram_unreachable", True)


@pytest.mark.parametrize(
    ("close", "reason", "code"),
    [
        (1011, "NET-0001", "deepgram_timeout"),
        (1008, "DATA-0000", "deepgram_bad_audio"),
        (1000, "", "deepgram_closed"),
        (0, "", "deepgram_closed"),
    ],
)
async def test_a_connection_that_ends_by_itself_is_lost_and_says_why(
    ear: Ear, close: int, reason: str, code: str
) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        if close:
            await connection.close(close, reason)
        else:
            connection.transport.abort()

    async with upstream(leave) as address:
        connection = await opened(address, ear)
        errors: list[Any] = []
        connection.on("error", errors.append)
        await connection.send_audio(bytes(640))
        await until(lambda: ear.lost)
        assert not connection.is_connected
        with pytest.raises(EngineError):
            await connection.send_audio(bytes(640))
        await connection.close()
    assert ear.lost == [code]
    assert [error.request_id for error in errors] == [REQUEST_ID]


async def test_a_server_that_takes_audio_and_says_nothing_is_lost(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STALL", 0.3)
    async with upstream(swallow) as address:
        connection = await opened(address, ear)
        for _ in range(50):
            if connection.is_connected:
                await connection.send_audio(bytes(16_000))
            await asyncio.sleep(0.02)
        await until(lambda: ear.lost)
        await connection.close()
    assert ear.lost == ["deepgram_stalled"]


async def test_a_burst_of_kept_audio_is_no_stall(ear: Ear) -> None:
    async def slow(connection: ServerConnection) -> None:
        """Takes all there is, and answers a moment later."""
        async for frame in connection:
            if frame == '{"type":"CloseStream"}':
                return
            await asyncio.sleep(0.01)

    async with upstream(slow) as address:
        connection = await opened(address, ear)
        for _ in range(3):
            await connection.send_audio(bytes(32_000 * 10))
        await asyncio.sleep(0.1)
        assert connection.is_connected
        await connection.close()
    assert not ear.lost


async def test_a_server_that_never_ends_costs_the_deadline_only(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_RESULTS", 0.2)
    async with upstream(swallow) as address:
        connection = await opened(address, ear)
        async with asyncio.timeout(5):
            await connection.close()
    assert ear.lost == ["deepgram_timeout"]


async def test_an_engine_that_is_closed_while_a_leg_opens(ear: Ear) -> None:
    async with upstream(swallow) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        opening = asyncio.create_task(service.transcribe_streaming("s", "fr", 16_000, ear))
        await asyncio.sleep(0)
        await service.close()
        with pytest.raises(EngineError):
            await opening
