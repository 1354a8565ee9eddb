"""The local engine as a whole: real model, real speech, several legs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.audio import FloatArray
from callscribe.engines.base import (
    StreamingConnection,
    TranscriptionEngine,
)
from callscribe.engines.whisper import WhisperTranscriptionService, conductor
from callscribe.engines.whisper import service as whisper_service
from callscribe.engines.whisper.decoder import Hypothesis, Window
from callscribe.engines.whisper.models import resolve_model
from callscribe.errors import CapacityError, ConfigurationError, EngineError, ModelError
from callscribe.transcript import Result
from tests.engines.whisper.running import play, said, whisper
from tests.speech import MODELS, corpus, leg, recall, samples, script

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("keyterms", "name"), [((), "Michael"), (("Mikael",), "Mikael")])
async def test_the_vocabulary_decides_how_a_name_is_written(
    keyterms: tuple[str, ...], name: str
) -> None:
    rate, samples = leg("en", "technician")
    pcm = samples[: 9 * rate].astype("<i2").tobytes()
    async with whisper() as service:
        results = await play(service, pcm, rate, language="en", keyterms=keyterms, pace=3.0)
    assert name in said(results)


async def test_a_start_that_was_cancelled_loads_the_model_once() -> None:
    located = 0

    def locate() -> Path:
        nonlocal located
        located += 1
        return resolve_model("base", MODELS)

    service = WhisperTranscriptionService(locate, threads=1, max_legs=1)
    first = asyncio.create_task(service.start())
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await service.start()
    assert service.is_ready
    assert located == 1
    await service.close()


async def test_it_keeps_the_contract() -> None:
    async with whisper() as service:
        assert isinstance(service, TranscriptionEngine)
        connection = await service.transcribe_streaming("s", "fr", 16_000, lambda _: None)
        assert isinstance(connection, StreamingConnection)
        await connection.close()
        await connection.close()
        with pytest.raises(EngineError):
            await connection.send_audio(b"\x00\x00")


@pytest.mark.slow
async def test_two_legs_at_once_each_get_their_own_words() -> None:
    async with whisper() as service:
        legs = {who: leg("fr", who) for who in ("technician", "agent")}
        found = await asyncio.gather(
            *(
                play(service, pcm[: 25 * rate].tobytes(), rate, pace=2.0)
                for rate, pcm in legs.values()
            )
        )
        for who, results in zip(legs, found, strict=True):
            expected = " ".join(u.text for u in script("fr") if u.speaker == who and u.end < 24)
            assert recall(expected, said(results)) > 0.6, (who, said(results))
            assert any(not r.is_final for r in results)
            finals = [r for r in results if r.is_final and r.words]
            assert [r.start for r in finals] == sorted(r.start for r in finals)
            for before, after in zip(finals, finals[1:], strict=False):
                assert before.end <= after.start + 0.3
            spoken = [u for u in script("fr") if u.speaker == who]
            assert abs(finals[0].start - spoken[0].start) < 0.8


async def test_the_language_is_detected_once_per_leg() -> None:
    async with whisper() as service:
        rate, pcm = leg("en", "agent")
        results = await play(service, pcm[: 15 * rate].tobytes(), rate, language="auto")
        assert {r.language for r in results if r.is_final and r.words} == {"en"}
        expected = " ".join(u.text for u in script("en") if u.speaker == "agent" and u.end < 14)
        assert recall(expected, said(results)) > 0.6


async def test_a_full_machine_refuses_the_next_leg_and_keeps_the_others() -> None:
    async with whisper(max_legs=1) as service:
        first = await service.transcribe_streaming("s", "fr", 8000, lambda _: None)
        with pytest.raises(CapacityError) as refused:
            await service.transcribe_streaming("t", "fr", 8000, lambda _: None)
        assert refused.value.retryable
        assert first.is_connected
        await first.close()
        second = await service.transcribe_streaming("t", "fr", 8000, lambda _: None)
        await second.close()


async def test_an_unknown_language_is_refused() -> None:
    async with whisper() as service:
        with pytest.raises(ConfigurationError, match="fr, en"):
            await service.transcribe_streaming("s", "klingon", 16_000, lambda _: None)


async def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    service = WhisperTranscriptionService(lambda: resolve_model(str(tmp_path / "none"), tmp_path))
    with pytest.raises(ModelError):
        await service.transcribe_streaming("s", "fr", 16_000, lambda _: None)
    await service.close()


async def test_a_recording_faster_than_it_was_spoken() -> None:
    async def blocks() -> AsyncIterator[np.ndarray]:
        _, pcm = leg("en", "agent")
        for at in range(0, len(pcm), 16_000):
            yield pcm[at : at + 16_000].astype(np.float32) / 32768

    done: list[float] = []
    async with whisper() as service:
        results = await service.transcribe_blocks(blocks(), "auto", on_progress=done.append)
    expected = " ".join(u.text for u in script("en") if u.speaker == "agent")
    assert recall(expected, said(results)) > 0.8
    assert done == sorted(done)
    assert done[-1] > 35.0


def noise(kind: str) -> np.ndarray:
    """Ten seconds of sound without speech at 8 kHz."""
    random, t = np.random.default_rng(5), np.arange(80_000) / 8000
    made: dict[str, Callable[[], np.ndarray]] = {
        "digital silence": lambda: np.zeros(len(t)),
        "hiss": lambda: random.normal(0, 0.02, len(t)),
        "loud hiss": lambda: random.normal(0, 0.2, len(t)),
        "keypresses": lambda: (
            0.3 * (np.sin(2 * np.pi * 697 * t) + np.sin(2 * np.pi * 1209 * t)) * (t % 0.5 < 0.1)
        ),
        "hum": lambda: 0.1 * np.sin(2 * np.pi * 50 * t),
        "breathing": lambda: breath(random, t),
        "clicks": lambda: (random.random(len(t)) < 0.0005) * 0.8,
    }
    return (np.clip(made[kind](), -1, 1) * 32767).astype("<i2")


def breath(random: np.random.Generator, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """In and out every 3.6 s: noise around 1 kHz, as a mouth shapes it."""
    spectrum = np.fft.rfft(random.normal(0, 1, len(t)))
    hertz = np.maximum(np.fft.rfftfreq(len(t), 1 / 8000), 1)
    shaped = np.fft.irfft(spectrum * np.exp(-(np.log(hertz / 1000) ** 2) / 0.9), len(t))
    turn = np.sin(2 * np.pi * t / 3.6)
    strength = np.clip(turn, 0, 1) ** 1.5 + 0.6 * np.clip(-turn, 0, 1) ** 3
    return 0.08 * strength * shaped / shaped.std()


@pytest.mark.parametrize(
    "kind",
    ["digital silence", "hiss", "loud hiss", "keypresses", "hum", "breathing", "clicks"],
)
async def test_nothing_is_written_where_nobody_speaks(kind: str) -> None:
    async with whisper() as service:
        results = await play(service, noise(kind).tobytes(), 8000, pace=20.0)
        assert "".join(r.text for r in results) == ""


async def test_noise_before_the_first_word_does_not_choose_the_language() -> None:
    rate, hubbub = samples(corpus("dev", "negative", "neg_sb_noise5.flac"))
    _, speech = leg("fr", "agent")
    pcm = np.concatenate([hubbub, speech[: 12 * rate]]).astype("<i2").tobytes()
    async with whisper() as service:
        results = await play(service, pcm, rate, language="auto", pace=4.0)
    assert {r.language for r in results if r.text} == {"fr"}


@pytest.mark.slow
async def test_nothing_is_written_on_any_recorded_negative() -> None:
    folder = corpus("dev", "negative")
    invented: dict[str, str] = {}
    async with whisper() as service:
        for path in sorted(folder.glob("*.flac")):
            rate, pcm = samples(path)
            for language in ("fr", "en"):
                results = await play(service, pcm.tobytes(), rate, language=language, pace=20.0)
                if text := "".join(r.text for r in results):
                    invented[f"{path.stem} {language}"] = text
    assert not invented


@pytest.mark.parametrize("wrong", ["model.bin", "tokenizer.json"])
async def test_a_model_that_cannot_be_loaded_names_the_file(tmp_path: Path, wrong: str) -> None:
    good = resolve_model("base", MODELS)
    for path in good.iterdir():
        if path.name != wrong:
            (tmp_path / path.name).symlink_to(path.resolve())
    (tmp_path / wrong).write_bytes(random_bytes(4096))
    service = WhisperTranscriptionService(lambda: tmp_path, threads=1, max_legs=1)
    for _ in range(2):
        with pytest.raises(ModelError, match=f"{tmp_path / wrong} cannot be loaded"):
            await service.start()
    await service.close()


def random_bytes(count: int) -> bytes:
    return np.random.default_rng(1).bytes(count)


async def test_a_recording_waits_for_the_finals_of_live_legs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, speech = leg("fr", "agent")
    order: list[str] = []

    async def blocks() -> AsyncIterator[FloatArray]:
        yield speech[: 12 * 16_000].astype(np.float32) / 32768
        order.append("all is there")

    def backlog(_: conductor.Conductor) -> float:
        busy = order.count("live legs wait") < 3 if "all is there" in order else False
        order.append("live legs wait" if busy else "free")
        return float(busy)

    async with whisper() as service:
        await service.start()
        assert service.decoder is not None
        decode = service.decoder.decode

        def watched(windows: Sequence[Window]) -> list[Hypothesis]:
            order.append("decode")
            return decode(windows)

        monkeypatch.setattr(service.decoder, "decode", watched)
        monkeypatch.setattr(conductor.Conductor, "backlog", property(backlog))
        assert await service.transcribe_blocks(blocks(), "fr")
    end = order[order.index("all is there") + 1 :]
    first = end.index("decode")
    assert end[:first].count("live legs wait") == 3
    assert end[first - 1] == "free"


def test_the_same_engine_serves_one_event_loop_after_the_other() -> None:
    service = WhisperTranscriptionService(
        lambda: resolve_model("base", MODELS), threads=2, max_legs=2
    )

    async def blocks() -> AsyncIterator[FloatArray]:
        for _ in range(2):
            yield np.zeros(16_000, np.float32)

    async def two_at_once() -> list[list[Result]]:
        one, other = (service.transcribe_blocks(blocks(), "fr") for _ in range(2))
        return await asyncio.gather(one, other)

    for _ in range(2):
        assert asyncio.run(two_at_once()) == [[], []]
    asyncio.run(service.close())


async def test_recordings_take_turns_and_too_many_are_refused() -> None:
    async def blocks() -> AsyncIterator[FloatArray]:
        yield np.zeros(16_000, np.float32)
        await go.wait()

    go = asyncio.Event()
    async with whisper() as service:
        await service.start()
        waiting = [
            asyncio.create_task(service.transcribe_blocks(blocks(), "fr"))
            for _ in range(whisper_service.MOST_RECORDINGS + 1)
        ]
        await asyncio.sleep(0.05)
        with pytest.raises(CapacityError, match="recordings wait"):
            await service.transcribe_blocks(blocks(), "fr")
        go.set()
        assert await asyncio.gather(*waiting) == [[]] * len(waiting)


async def test_a_clip_waits_for_live_legs_and_rests_behind_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rate, speech = leg("fr", "agent")
    (first, *_) = [s for s in script("fr") if s.speaker == "agent"]
    clip = speech[int(first.start * rate) : int((first.end + 0.3) * rate)].astype(np.float32)
    idle, asked = False, 0

    def is_idle(_: object) -> bool:
        nonlocal asked
        asked += 1
        return idle

    monkeypatch.setattr(conductor.Conductor, "is_idle", property(is_idle))
    async with whisper() as service:
        waiting = asyncio.create_task(service.transcribe_clip(clip / 32768, "fr"))
        while asked < 3:
            await asyncio.sleep(0.01)
        assert not waiting.done()
        idle = True
        found = await waiting
        assert recall(first.text, found.text) > 0.6
        assert service._rested_at > 0
        idle = False
        monkeypatch.setattr(whisper_service, "CALM", 0.2)
        with pytest.raises(CapacityError):
            await service.transcribe_clip(clip / 32768, "fr")
