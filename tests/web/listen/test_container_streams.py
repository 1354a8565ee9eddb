"""Containers over real sockets: what is in a frame is heard without another that follows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callscribe.web.listen import stream as stream_module
from tests import speech
from tests.engines_for_tests import tones
from tests.serving import Served
from tests.web.listen.conftest import KEY, spoken, wav
from tests.web.listen.encoded import coded, cut, wav_head
from tests.web.listen.sdk import streaming

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PATH = "/v1/listen?model=nova-3"
FINALIZE, KEEP_ALIVE, CLOSE = (
    json.dumps({"type": kind}) for kind in ("Finalize", "KeepAlive", "CloseStream")
)


def a_file(*frequencies: int, gap: float = 0.5) -> bytes:
    """Tones as a WAV file."""
    return wav(16_000, np.frombuffer(tones(*frequencies, gap=gap), "<i2")[None])


async def results(socket: ClientConnection) -> dict[str, Any]:
    """The next ``Results`` with words."""
    async with asyncio.timeout(10):
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] == "Results" and frame["channel"]["alternatives"][0]["transcript"]:
                return frame


def text(frame: dict[str, Any]) -> str:
    return str(frame["channel"]["alternatives"][0]["transcript"])


async def no_decoders() -> None:
    async with asyncio.timeout(10):
        while any(thread.name == "listen-decode" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_one_frame_is_enough_for_its_results(served: Served) -> None:
    async with connect(served.ws + PATH) as socket:
        await socket.send(a_file(400, 600, gap=0.4))
        assert [text(await results(socket)) for _ in range(2)] == ["f400", "f600"]
        await socket.send(CLOSE)
        frames = [json.loads(frame) async for frame in socket]
    assert frames[-1]["type"] == "Metadata"
    assert frames[-1]["duration"] == pytest.approx(1.5)
    await no_decoders()


async def test_finalize_after_one_frame_is_answered(served: Served) -> None:
    async with connect(served.ws + PATH) as socket:
        await socket.send(a_file(400, gap=0.05))
        await socket.send(FINALIZE)
        frame = await results(socket)
        assert (text(frame), frame["is_final"], frame["from_finalize"]) == ("f400", True, True)
        assert frame["start"] + frame["duration"] == pytest.approx(0.35, abs=0.01)


async def test_finalize_waits_for_the_frames_before_it(served: Served) -> None:
    """Frames, finals and frames in turn: each tone is in the final that was asked for after it."""
    async with connect(served.ws + PATH) as socket:
        await socket.send(wav_head(1, 16))
        for frequency in (400, 600, 800, 1000):
            for piece in cut(tones(frequency, gap=0.05), 999):
                await socket.send(piece)
            await socket.send(FINALIZE)
        finals = [await results(socket) for _ in range(4)]
    assert [text(frame) for frame in finals] == ["f400", "f600", "f800", "f1000"]
    assert all(frame["from_finalize"] for frame in finals)


async def test_a_container_that_pauses_is_kept_open(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SILENCE", 1.0)
    monkeypatch.setattr(stream_module, "AUDIO_PATIENCE", 1.5)
    data = a_file(400) + a_file(600)
    async with connect(served.ws + PATH) as socket:
        await socket.send(data[: len(data) // 2])
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            await socket.send(KEEP_ALIVE)
            await asyncio.sleep(0.1)
        await socket.send(data[len(data) // 2 :])
        await socket.send(CLOSE)
        heard = [json.loads(frame) async for frame in socket]
        assert socket.close_code == 1000
    assert [text(f) for f in heard if f["type"] == "Results" and text(f)] == ["f400", "f600"]


@pytest.mark.parametrize(
    ("sent", "keep_alive", "reason"),
    [
        (a_file(400), False, "NET-0001"),
        (wav_head(1, 16), True, "NET-0000"),  # all that came is a head
    ],
    ids=["silent", "no audio"],
)
async def test_silent_containers_are_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes, keep_alive: bool, reason: str
) -> None:
    monkeypatch.setattr(stream_module, "SILENCE", 1.0)
    monkeypatch.setattr(stream_module, "AUDIO_PATIENCE", 1.5)
    async with connect(served.ws + PATH) as socket:
        await socket.send(sent)
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while keep_alive:
                    await socket.send(KEEP_ALIVE)
                    await asyncio.sleep(0.1)
                while True:
                    await socket.recv()
        assert socket.close_code == 1011
        assert (socket.close_reason or "").startswith(reason)
    await no_decoders()


async def test_who_had_to_wait_was_not_silent(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server takes its time the client cannot send, and is not blamed for that."""
    monkeypatch.setattr(stream_module, "SILENCE", 0.5)
    async with connect(served.ws + PATH) as socket:
        await socket.send(wav_head(1, 16))
        (leg,) = served.engine.connections
        take = leg.send_audio

        async def slowly(audio: bytes) -> None:
            await asyncio.sleep(0.2)
            await take(audio)

        monkeypatch.setattr(leg, "send_audio", slowly)
        await socket.send(tones(400, gap=0.05) + bytes(100_000))
        await socket.send(FINALIZE)
        assert text(await results(socket)) == "f400"
        await socket.send(CLOSE)
        assert [json.loads(f)["type"] async for f in socket][-1] == "Metadata"
        assert socket.close_code == 1000


async def test_what_is_no_audio_is_said_after_one_frame(served: Served) -> None:
    async with connect(served.ws + PATH) as socket:
        await socket.send(b"these are words and no sound " * 4000)
        async with asyncio.timeout(5):
            await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (1008, "DATA-0000")
    await no_decoders()


@pytest.mark.parametrize("end", ["close", "abort", "finalize", "flood"])
async def test_dropped_sockets_leave_no_thread(served: Served, end: str) -> None:
    for form in ("wav", "ogg"):
        samples = np.frombuffer(tones(400, 600) * 20, "<i2")
        data = wav(16_000, samples[None]) if form == "wav" else coded("ogg", "libopus")
        socket = await connect(served.ws + PATH)
        await socket.send(data[:-5000])
        if end == "flood":
            for _ in range(20):
                await socket.send(bytes(200_000))
        if end == "finalize":
            await socket.send(FINALIZE)
        if end != "close":
            socket.transport.abort()
        await socket.close()
    await no_decoders()
    async with asyncio.timeout(10):
        while served.engine.open_legs:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("encoding", "form", "codec", "rate"),
    [
        ("ogg-opus", "ogg", "libopus", 48_000),
        ("flac", "flac", "flac", 16_000),
        (None, "webm", "libopus", 48_000),
        (None, "mp3", "libmp3lame", 16_000),
    ],
)
async def test_real_speech(
    listening: Served, encoding: str | None, form: str, codec: str, rate: int
) -> None:
    given, samples = speech.leg("fr", "agent")
    data = coded(form, codec, rate, samples[: 12 * given], given)
    options = {"encoding": encoding, "sample_rate": rate if encoding else None, "language": "fr"}
    async with streaming(listening.port, KEY, **options) as heard:
        for piece in cut(data, 1500):
            await heard.socket.send_media(piece)
        await heard.socket.send_finalize()
    assert not heard.errors
    assert heard.of("Metadata")[0].duration == pytest.approx(12, abs=0.15)
    assert speech.recall(spoken("agent"), heard.text) > 0.7


async def test_real_speech_in_one_frame_and_finalize(listening: Served) -> None:
    rate, samples = speech.leg("fr", "agent")
    said = next(u for u in speech.script("fr") if u.speaker == "agent")
    async with streaming(listening.port, KEY, encoding=None, sample_rate=None, language="fr") as it:
        await it.socket.send_media(wav(rate, samples[None, : int(said.end * rate)]))
        await it.socket.send_finalize()
        await it.until("Results")
        first = it.finals[0]
        assert first.from_finalize
        assert speech.recall(said.text, it.text) > 0.7


def long_ones(language: str) -> list[speech.Spoken]:
    """What the agent says in sentences that are long enough to tell the language."""
    return [u for u in speech.script(language) if u.speaker == "agent" and u.end - u.start > 2]


def excerpt(language: str, count: int) -> NDArray[np.int16]:
    """The first of them, more than a second of silence before each."""
    rate, samples = speech.leg(language, "agent")
    silence = np.zeros(rate * 5 // 4, np.int16)
    said = long_ones(language)[:count]
    parts = [samples[int(u.start * rate) : int((u.end + 0.1) * rate)] for u in said]
    return np.concatenate([piece for part in parts for piece in (silence, part)])


async def test_a_caller_who_changes_the_language(listening: Served) -> None:
    """``multi`` hears each utterance in its own language, and says which."""
    samples = np.concatenate([excerpt("fr", 2), excerpt("en", 2), np.zeros(24_000, np.int16)])
    async with streaming(listening.port, KEY, language="multi", smart_format=True) as heard:
        for piece in cut(samples.astype("<i2").tobytes(), 6400):
            await heard.socket.send_media(piece)
    told: dict[str, list[str]] = {}
    for result in heard.finals:
        (best,) = result.channel.alternatives
        if best.transcript:
            (language,) = best.languages
            assert {word.language for word in best.words} == {language}
            told.setdefault(language, []).append(best.transcript)
    assert list(told) == ["fr", "en"]  # first the one, then the other, and no third
    for language, texts in told.items():
        said = " ".join(u.text for u in long_ones(language)[:2])
        assert speech.recall(said, " ".join(texts)) > 0.7, texts
