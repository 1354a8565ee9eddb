"""Connections that are dead though their socket is open: speech is heard, and nothing comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.engines.base import Abandonable, Doubtful, EngineEvent, Lost, StreamOptions
from callscribe.engines.deepgram import DeepgramTranscriptionService, transport, watch
from callscribe.engines.deepgram import connection as module
from callscribe.transcript import Result
from tests import speech
from tests.engines.deepgram.test_connection import Ear, ear, until
from tests.engines.deepgram.test_finalize import results
from tests.engines.deepgram.upstream import METADATA, swallow, upstream

__all__ = ["ear"]  # a fixture

pytestmark = pytest.mark.anyio

RATE, SAMPLES = speech.leg("fr", "agent")
FIRST = next(u for u in speech.script("fr") if u.speaker == "agent")
SENTENCE = SAMPLES[int(FIRST.start * RATE) : int(FIRST.end * RATE)].astype("<i2").tobytes()
SPEECH = SENTENCE * 4
SILENCE = bytes(2 * RATE * 8)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience, for quick tests; the ears are asked every tenth of a second all the same."""
    monkeypatch.setattr(watch, "DEAF", 0.6)
    monkeypatch.setattr(module, "CHECK", 0.05)


class Service(DeepgramTranscriptionService):
    async def speak(self, heard: Callable[[EngineEvent], Any], audio: bytes, **asked: Any) -> Any:
        """Sends audio, some times faster than real, as long as the leg lives."""
        options = StreamOptions(**asked)
        leg = await self.transcribe_streaming("s", "fr", RATE, heard, options=options)
        for at in range(0, len(audio), RATE // 5):
            if not leg.is_connected:
                break
            await leg.send_audio(audio[at : at + RATE // 5])
            await asyncio.sleep(0.02)
        return leg


async def advancing(connection: ServerConnection) -> None:
    """Hears no word, and says so for each tenth of a second of audio."""
    heard = 0
    async for frame in connection:
        if frame == '{"type":"CloseStream"}':
            await connection.send(METADATA)
            return
        if isinstance(frame, bytes):
            heard += len(frame)
            await connection.send(results("", heard / 2 / RATE))


async def test_speech_without_an_answer_is_a_stall(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "DEAF", 1.5)  # there is to be time for a doubt, whatever runs beside
    async with upstream(swallow) as address:
        leg = await Service("key", base_url=address).speak(ear, SPEECH)
        await until(lambda: ear.lost)
        (lost,) = [event for event in ear.events if isinstance(event, Lost)]
        await leg.close()
    assert (lost.error.code, lost.error.retryable) == ("deepgram_stalled", True)
    assert "speech" in lost.error.message
    doubt, last = ear.events
    assert isinstance(doubt, Doubtful)
    assert doubt.error is not None
    assert (doubt.error.code, last) == ("deepgram_stalled", lost)


async def test_doubt_is_over_when_an_answer_comes(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "DEAF", 3.0)
    answers = asyncio.Event()

    async def hesitating(connection: ServerConnection) -> None:
        heard = 0
        async for frame in connection:
            heard += len(frame) if isinstance(frame, bytes) else 0
            if answers.is_set():
                await connection.send(results("oui", heard / 2 / RATE))

    async with upstream(hesitating) as address:
        service = Service("key", base_url=address)
        leg = await service.speak(ear, SPEECH)
        await until(lambda: ear.events)
        answers.set()
        await leg.send_audio(SENTENCE)
        await until(lambda: len([e for e in ear.events if isinstance(e, Doubtful)]) == 2)
        await leg.abandon()
        await service.close()
    doubt, over, answer = ear.events[:3]
    assert isinstance(doubt, Doubtful)
    assert doubt.error is not None
    assert over == Doubtful(), "told before the answer, which nobody else is to come before"
    assert isinstance(answer, Result)
    assert not ear.lost


async def test_a_stream_that_stalls_at_its_end_is_not_waited_for(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "DEAF", 20.0)
    monkeypatch.setattr(watch, "MUTE", 0.3)
    monkeypatch.setattr(module, "LAST_RESULTS", 60.0)
    async with upstream(swallow) as address:
        leg = await Service("key", base_url=address).speak(ear, SPEECH)
        assert leg.is_connected
        async with asyncio.timeout(20):
            await leg.close()
    assert ear.lost == ["deepgram_stalled"]


async def test_other_messages_are_no_answer(ear: Ear) -> None:
    async def chatter(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send('{"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.1}')
            await connection.send(results("oui", 0.9))

    async with upstream(chatter) as address:
        leg = await Service("key", base_url=address).speak(ear, SPEECH)
        await until(lambda: ear.lost)
        await leg.close()
    assert ear.lost == ["deepgram_stalled"]


@pytest.mark.parametrize("audio", [SILENCE, SENTENCE[: RATE // 5] + SILENCE], ids=["all", "click"])
async def test_silence_without_an_answer_is_no_stall(ear: Ear, audio: bytes) -> None:
    async with upstream(swallow) as address:
        leg = await Service("key", base_url=address).speak(ear, audio)
        await asyncio.sleep(1.0)
        assert leg.is_connected
        await leg.abandon()
    assert not ear.events


async def test_a_server_that_hears_no_word_and_gets_on_is_no_stall(ear: Ear) -> None:
    async with upstream(advancing) as address:
        leg = await Service("key", base_url=address).speak(ear, SPEECH)
        assert leg.is_connected
        await leg.close()
    assert not ear.lost


async def test_without_interims_a_server_may_wait_for_the_end_of_what_is_said(ear: Ear) -> None:
    async with upstream(swallow) as address:
        leg = await Service("key", base_url=address).speak(ear, SPEECH, interim_results=False)
        await asyncio.sleep(1.0)
        assert leg.is_connected
        await leg.abandon()


async def test_a_leg_whose_noise_nobody_hears_is_not_connected_for_ever(ear: Ear) -> None:
    deaf = True

    async def hears(connection: ServerConnection) -> None:
        await (swallow if deaf else advancing)(connection)

    async with upstream(hears) as address:
        service = Service("key", base_url=address)
        for _ in range(2):
            leg = await service.speak(ear, SPEECH)
            await until(lambda leg=leg: not leg.is_connected)
        deaf = False
        leg = await service.speak(ear, SPEECH[: len(SENTENCE)])
        assert leg._watch.patience == 2.4
        deaf = True
        leg._transport._frames.abort()
        await until(lambda: not leg.is_connected)
        assert not service._patience
        await service.close()
    told = [event.error.message for event in ear.events if isinstance(event, Lost)]
    waited = [float(seconds) for seconds in re.findall(r"for ([0-9.]+) s", " ".join(told))]
    assert waited == [pytest.approx(0.6, abs=0.4), pytest.approx(1.2, abs=0.4)]
    assert ear.lost == ["deepgram_stalled", "deepgram_stalled", "deepgram_closed"]


async def test_whoever_was_connected_before_that_was_learned_has_as_much_time(ear: Ear) -> None:
    async with upstream(swallow) as address:
        service = Service("key", base_url=address)
        ready = await service.transcribe_streaming("s", "fr", RATE, ear)
        lost = await service.speak(ear, SPEECH)
        await until(lambda: not lost.is_connected)
        await ready.send_audio(SENTENCE)
        await ready.abandon()
        await service.close()
    assert ready._watch.patience == 1.2


@contextlib.asynccontextmanager
async def full() -> AsyncIterator[str]:
    """A server that reads nothing behind the upgrade, with little room in between."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))

    done = asyncio.Event()

    async def never(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await done.wait()
        connection.transport.abort()

    async with upstream(never, sock=listening) as address:
        try:
            yield address
        finally:
            done.set()


@pytest.mark.parametrize("spoken", [True, False], ids=["speech", "silence"])
async def test_a_socket_that_takes_nothing_is_a_stall(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, spoken: bool
) -> None:
    monkeypatch.setattr(watch, "DEAF", 0.6 if spoken else 60.0)
    # It is not told by what is not answered, which may be due at the same moment.
    monkeypatch.setattr(watch.Watch, "is_deaf", False)
    monkeypatch.setattr(watch, "BLOCKED", 60.0 if spoken else 0.5)
    async with full() as address:
        service = Service("key", base_url=address)
        leg = await service.transcribe_streaming("s", "fr", RATE, ear)
        under = leg._transport._frames
        assert under is not None
        inner = under.get_extra_info("socket")
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        audio = (SPEECH if spoken else SILENCE) * 4
        for at in range(0, len(audio), RATE // 5):
            if not leg.is_connected:
                break
            await leg.send_audio(audio[at : at + RATE // 5])
            await asyncio.sleep(0.005)
        await until(lambda: ear.lost)
        await leg.close()
    (lost,) = [event for event in ear.events if isinstance(event, Lost)]
    assert (lost.error.code, lost.error.retryable) == ("deepgram_stalled", True)
    assert "took nothing" in lost.error.message


async def test_a_server_that_is_gone_is_not_waited_for(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CLOSE_DEADLINE", 60.0)
    async with full() as address:
        service = Service("key", base_url=address)
        first = await service.transcribe_streaming("s", "fr", RATE, ear)
        async with asyncio.timeout(10):
            await first.abandon()
            await first.close()
        assert not ear.events
        second = await service.speak(ear, SPEECH)
        await until(lambda: ear.lost)
        await second.close()
    assert ear.lost == ["deepgram_stalled"]


async def test_pings_find_a_half_open_socket_in_silence(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PING_EVERY", 0.1)
    monkeypatch.setattr(transport, "PING_DEADLINE", 0.2)
    async with full() as address:
        leg = await Service("key", base_url=address).transcribe_streaming("s", "fr", RATE, ear)
        await until(lambda: ear.lost)
        await leg.close()
    (lost,) = [event for event in ear.events if isinstance(event, Lost)]
    assert (lost.error.code, lost.error.retryable) == ("deepgram_closed", True)


async def test_a_final_that_arrives_broken_ends_the_connection(ear: Ear) -> None:
    async def broken(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(results("a", 1.0, is_final=True))
        await connection.send(results("b", 1.0, is_final=True, start=1.0)[:60])
        await connection.send(results("c", 1.0, is_final=True, start=2.0))
        await swallow(connection)

    async with upstream(broken) as address:
        leg = await Service("key", base_url=address).transcribe_streaming("s", "fr", RATE, ear)
        await leg.send_audio(bytes(640))
        await until(lambda: ear.lost)
        await leg.close()
    a, lost = ear.events
    assert isinstance(a, Result)
    assert a.until == 1.0
    assert isinstance(lost, Lost)  # what was said is heard again, from there
    assert (lost.error.code, lost.error.retryable) == ("deepgram_closed", True)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in the callback"])
async def test_what_is_abandoned_is_gone_at_once_and_says_nothing(busy: bool) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()
    frames: list[str | bytes] = []
    heard: list[EngineEvent] = []
    held = asyncio.Event()

    async def note(connection: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            async for frame in connection:
                frames.append(frame)
                await connection.send(results("oui", 0.5))
                await connection.send(results("oui", 1.0, is_final=True))
                asked.set()
        gone.set()

    async def hear(event: EngineEvent) -> None:
        heard.append(event)
        if busy:
            await held.wait()

    async with upstream(note) as address, asyncio.timeout(10):
        service = DeepgramTranscriptionService("key", base_url=address)
        leg = await service.transcribe_streaming("s", "fr", RATE, hear)
        assert isinstance(leg, Abandonable)
        closed: list[Any] = []
        leg.on("close", closed.append)
        await leg.send_audio(bytes(640))
        await asked.wait()
        await until(lambda: heard)
        await leg.abandon()
        before = len(heard)
        assert not leg.is_connected
        await gone.wait()
        await leg.abandon()
        held.set()
        await until(lambda: closed)
        await leg.close()
        await service.close()
    assert len(heard) == before
    assert not [event for event in heard if isinstance(event, Lost)]
    assert json.dumps({"type": "CloseStream"}, separators=(",", ":")) not in frames
