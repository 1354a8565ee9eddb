"""Finalize: asked for where the server does not notice that speech has ended, and given up on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.engines.base import EngineEvent, Lost, StreamOptions
from callscribe.engines.deepgram import (
    DeepgramStreamingConnection,
    DeepgramTranscriptionService,
    watch,
)
from callscribe.transcript import Result
from tests import speech
from tests.engines.deepgram.upstream import upstream

pytestmark = pytest.mark.anyio


def results(text: str, end: float, **more: Any) -> str:
    """A message that covers the stream from its start."""
    word = {"word": text, "start": 0.2, "end": end, "confidence": 0.9}
    heard = {"transcript": text, "confidence": 0.9, "words": [word] if text else []}
    return json.dumps(
        {
            "type": "Results",
            "channel_index": [0, 1],
            "start": 0.0,
            "duration": end,
            "is_final": False,
            "speech_final": False,
            "channel": {"alternatives": [heard]},
            **more,
        }
    )


class DeafToSilence:
    """A server that hears words and never an end of speech, as on a noisy line."""

    def __init__(self, said: str, *, answers: bool) -> None:
        self.said = said
        self.answers = answers
        self.finalizes = 0

    async def __call__(self, connection: ServerConnection) -> None:
        async for frame in connection:
            if isinstance(frame, bytes):
                if self.said:
                    await connection.send(self.said)
                self.said = ""
                continue
            kind = json.loads(frame)["type"]
            if kind == "CloseStream":
                return
            self.finalizes += kind == "Finalize"
            if kind == "Finalize" and self.answers:
                await connection.send(
                    results("oui", 1.0, is_final=True, speech_final=True, from_finalize=True)
                )


async def spoken(address: str, heard: list[EngineEvent]) -> DeepgramStreamingConnection:
    """Sends a sentence and the silence behind it."""
    service = DeepgramTranscriptionService("key", base_url=address)
    rate, samples = speech.leg("fr", "agent")
    connection = await service.transcribe_streaming(
        "s", "fr", rate, heard.append, options=StreamOptions(endpointing_ms=300)
    )
    first = next(u for u in speech.script("fr") if u.speaker == "agent")
    audio = samples[: int(first.end * rate)].astype("<i2").tobytes() + bytes(3 * rate)
    for at in range(0, len(audio), 3200):
        await connection.send_audio(audio[at : at + 3200])
    return connection


async def until(done: Any) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


def finals(heard: list[EngineEvent]) -> list[Result]:
    return [e for e in heard if isinstance(e, Result) and e.is_final]


async def test_the_end_of_speech_is_heard_here_too() -> None:
    server = DeafToSilence(results("ou", 0.8), answers=True)
    heard: list[EngineEvent] = []
    async with upstream(server) as address:
        connection = await spoken(address, heard)
        await until(lambda: finals(heard))
        await connection.close()
    assert server.finalizes >= 1
    (final,) = finals(heard)
    assert (final.text, final.speech_final, final.from_finalize) == ("oui", True, True)
    assert connection.unanswered == 0


async def test_nothing_is_asked_where_nothing_is_open() -> None:
    server = DeafToSilence("", answers=True)
    heard: list[EngineEvent] = []
    async with upstream(server) as address:
        connection = await spoken(address, heard)
        await asyncio.sleep(0.5)
        await connection.close()
    assert server.finalizes == 0


async def test_what_is_final_already_ends_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "FINALIZE_PATIENCE", 0.1)
    server = DeafToSilence(results("oui", 0.8, is_final=True), answers=False)
    heard: list[EngineEvent] = []
    async with upstream(server) as address:
        connection = await spoken(address, heard)
        await until(lambda: len(finals(heard)) == 2)
        await connection.close()
    first, last = finals(heard)
    assert (first.text, first.speech_final) == ("oui", False)
    assert (last.text, last.speech_final, last.end) == ("", True, 0.8)
    assert connection.unanswered >= 1


async def test_who_leaves_words_open_and_says_nothing_when_asked_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "FINALIZE_PATIENCE", 0.1)
    server = DeafToSilence(results("ou", 0.8), answers=False)
    heard: list[EngineEvent] = []
    async with upstream(server) as address:
        connection = await spoken(address, heard)
        await until(lambda: any(isinstance(event, Lost) for event in heard))
        await connection.close()
    assert not finals(heard)
    (lost,) = [event for event in heard if isinstance(event, Lost)]
    assert (lost.error.code, lost.error.retryable) == ("deepgram_stalled", True)


async def test_who_says_something_else_when_asked_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FINALIZE_PATIENCE", 0.2)

    class Chatty(DeafToSilence):
        async def __call__(self, connection: ServerConnection) -> None:
            async with asyncio.TaskGroup() as tasks:
                talking = tasks.create_task(self.talk(connection))
                await super().__call__(connection)
                talking.cancel()

        async def talk(self, connection: ServerConnection) -> None:
            while True:
                await asyncio.sleep(0.02)
                await connection.send('{"type": "SpeechStarted", "channel": [0], "timestamp": 0.1}')

    heard: list[EngineEvent] = []
    async with upstream(Chatty(results("ou", 0.8), answers=False)) as address:
        connection = await spoken(address, heard)
        await until(lambda: connection.unanswered)
        assert not [event for event in heard if isinstance(event, Lost)]
        await connection.abandon()
