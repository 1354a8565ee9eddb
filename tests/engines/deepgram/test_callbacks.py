"""Callbacks that close their own leg, are slow, or never return: the stream goes on beside them."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.engines.base import EngineEvent, Lost
from callscribe.engines.deepgram import (
    DeepgramStreamingConnection,
    DeepgramTranscriptionService,
    watch,
)
from callscribe.engines.deepgram import connection as module
from callscribe.transcript import Result
from tests.engines.deepgram.test_connection import Ear, opened, service, until
from tests.engines.deepgram.upstream import FINAL, METADATA, answer, upstream
from tests.engines_for_tests import tones

__all__ = ["service"]  # a fixture

pytestmark = pytest.mark.anyio


class Acting:
    """A callback that does something to its own leg at the first final with words."""

    def __init__(self, act: str) -> None:
        self.act = act
        self.leg: DeepgramStreamingConnection | None = None
        self.engine: DeepgramTranscriptionService | None = None
        self.ear = Ear()
        self.returned = False

    async def __call__(self, event: EngineEvent) -> None:
        self.ear(event)
        if self.returned or not (isinstance(event, Result) and event.is_final and event.text):
            return
        assert self.leg is not None
        assert self.engine is not None
        await {
            "close": self.leg.close,
            "finalize": self.leg.finalize,
            "engine": self.engine.close,
        }[self.act]()
        self.returned = True


@pytest.mark.parametrize("act", ["close", "engine"])
async def test_closing_in_a_callback_waits_for_nothing_and_completes(
    service: DeepgramTranscriptionService, act: str
) -> None:
    acting = Acting(act)
    acting.engine = service
    leg = acting.leg = await service.transcribe_streaming("s", "fr", 16_000, acting)
    closed: list[object] = []
    leg.on("close", closed.append)
    await leg.send_audio(tones(400) + tones(600, gap=0.1))  # the second one is open at the end
    await until(lambda: acting.returned)
    assert not leg.is_connected
    await until(lambda: closed)
    assert acting.ear.text == "f400 f600"
    assert not acting.ear.lost
    assert leg.callback_errors == 0
    assert not leg.metadata_missing
    await leg.close()


async def test_finalize_in_a_callback(service: DeepgramTranscriptionService) -> None:
    acting = Acting("finalize")
    acting.engine = service
    leg = acting.leg = await service.transcribe_streaming("s", "fr", 16_000, acting)
    await leg.send_audio(tones(400) + tones(600, gap=0.1))
    await until(lambda: acting.ear.text == "f400 f600")  # nobody closed: it was asked for
    assert acting.returned
    await leg.close()
    assert not acting.ear.lost


async def test_audio_goes_out_and_results_come_in_while_a_callback_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "FINALIZE_PATIENCE", 0.05)
    monkeypatch.setattr(watch, "STALL", 0.5)
    heard: list[EngineEvent] = []
    enough = asyncio.Event()
    frames: list[str | bytes] = []

    async def upstreamed(connection: ServerConnection) -> None:
        async for frame in connection:
            frames.append(frame)
            await connection.send(METADATA if frame == '{"type":"CloseStream"}' else FINAL)
            if frame == '{"type":"CloseStream"}':
                return
            if len([f for f in frames if isinstance(f, bytes)]) == 60:
                enough.set()

    async def busy(event: EngineEvent) -> None:
        """Returns when the server has all the audio: never, if that waits for it."""
        heard.append(event)
        await enough.wait()

    async with upstream(upstreamed) as address:
        connection = await opened(address, busy)
        await connection.send_audio(bytes(640))
        await until(lambda: heard)
        await connection.finalize()  # not answered as such: it is given up
        for _ in range(59):
            await asyncio.sleep(0.02)
            await connection.send_audio(bytes(640))
        await until(enough.is_set)
        await connection.close()
    assert connection.unanswered == 1
    finals = [e for e in heard if isinstance(e, Result) and e.text]
    assert len(finals) == len([f for f in frames if f != '{"type":"CloseStream"}'])
    assert not [e for e in heard if isinstance(e, Lost)]


async def test_a_callback_that_never_returns_costs_the_deadline_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[EngineEvent] = []

    async def endless(event: EngineEvent) -> None:
        heard.append(event)
        await asyncio.Event().wait()

    async with upstream(answer) as address:
        connection = await opened(address, endless)
        await connection.send_audio(bytes(640))
        await until(lambda: heard)
        monkeypatch.setattr(module, "LAST_RESULTS", 0.1)
        async with asyncio.timeout(5):
            await connection.close()
    assert connection.callback_errors == 1
