"""One leg in the local engine: what it takes, what it hands over, how it ends."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from callscribe.engines.base import (
    Abandonable,
    EngineEvent,
    Silent,
    StreamOptions,
    Unheard,
)
from callscribe.engines.whisper import conductor
from callscribe.engines.whisper import connection as connection_module
from callscribe.engines.whisper.connection import WhisperConnection
from callscribe.errors import EngineError
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw
from tests.engines.whisper.running import said, whisper
from tests.speech import leg, recall, script

pytestmark = pytest.mark.anyio


async def test_mulaw_is_understood_like_the_samples_it_stands_for() -> None:
    rate, pcm = leg("fr", "technician")
    cut = pcm[: 9 * rate]
    heard: list[EngineEvent] = []
    async with whisper() as service:
        connection = await service.transcribe_streaming(
            "s", "fr", rate, heard.append, options=StreamOptions(encoding="mulaw")
        )
        data = samples_to_mulaw(cut)
        for at in range(0, len(data), 160):
            await connection.send_audio(data[at : at + 160])
        await connection.close()
    spoken = [u.text for u in script("fr") if u.speaker == "technician" and u.end < 9]
    finals = [r for r in heard if isinstance(r, Result) and r.is_final]
    assert recall(" ".join(spoken), said(finals)) > 0.4
    assert finals[-1].end <= 9


async def test_a_callback_that_raises_ends_nothing() -> None:
    async with whisper() as service:
        calls = 0

        async def raising(_result: EngineEvent) -> None:
            nonlocal calls
            calls += 1
            raise RuntimeError("no")

        connection = await service.transcribe_streaming("s", "fr", 16_000, raising)
        rate, pcm = leg("fr", "agent")
        await connection.send_audio(pcm[: 6 * rate].tobytes())
        await connection.close()
        assert calls == connection.callback_errors
        assert calls > 1


async def test_what_is_not_finished_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_DEADLINE", 0.05)
    rate, pcm = leg("fr", "agent")
    heard: list[EngineEvent] = []
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", rate, heard.append)
        await connection.send_audio(pcm[: 20 * rate].astype("<i2").tobytes())
        with pytest.raises(EngineError, match="did not finish"):
            await connection.close()
        await connection.close()
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert gap.start == 0.0
    assert gap.end == pytest.approx(20.0, abs=0.1)


async def test_what_a_leg_that_cannot_be_ended_leaves_out_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rate, pcm = leg("fr", "agent")
    heard: list[EngineEvent] = []
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", rate, heard.append)

        def fail(_arrived: float) -> None:
            raise RuntimeError("no memory for the last window")

        monkeypatch.setattr(connection._seat.stream, "finish", fail)
        await connection.send_audio(pcm[: 3 * rate].astype("<i2").tobytes())
        with pytest.raises(EngineError, match="did not finish"):
            await connection.close()
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert (gap.start, gap.end) == (0.0, pytest.approx(3.0, abs=0.1))


async def test_who_waits_for_the_end_may_be_cancelled() -> None:
    rate, pcm = leg("fr", "agent")
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", rate, lambda _: None)
        await connection.send_audio(pcm[: 20 * rate].astype("<i2").tobytes())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.close()


async def test_a_client_that_sends_too_much_waits_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "MOST_WAITING", 20.0)
    monkeypatch.setattr(conductor, "CROWDED", 10.0)
    quiet = np.zeros(16_000, "<i2").tobytes()
    most = 0.0
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", 16_000, lambda _: None)
        assert isinstance(connection, WhisperConnection)
        for _ in range(120):
            await connection.send_audio(quiet)
            most = max(most, connection._seat.waiting)
        await connection.close()
        assert most <= 22.0
        assert connection._seat.stream.heard == pytest.approx(120.0)


async def test_one_very_long_piece_is_taken_and_its_client_goes_on() -> None:
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", 16_000, lambda _: None)
        async with asyncio.timeout(20):
            for _ in range(2):
                await connection.send_audio(np.zeros(90 * 16_000, "<i2").tobytes())
            await connection.close()


async def test_a_callback_may_close_its_own_leg() -> None:
    async with whisper() as service:
        returned: list[EngineEvent] = []

        async def closing(event: EngineEvent) -> None:
            if not returned:
                await connection.close()
            returned.append(event)

        connection = await service.transcribe_streaming("s", "fr", 16_000, closing)
        rate, pcm = leg("fr", "agent")
        await connection.send_audio(pcm[: 6 * rate].tobytes())
        async with asyncio.timeout(20):
            while not returned:
                await asyncio.sleep(0.02)
            await connection.close()
        assert not connection.is_connected
        assert connection.callback_errors == 0


async def test_a_leg_that_is_abandoned_frees_its_seat_at_once_and_says_no_more() -> None:
    rate, pcm = leg("fr", "agent")
    heard: list[EngineEvent] = []
    async with whisper(max_legs=1) as service:
        connection = await service.transcribe_streaming("s", "fr", rate, heard.append)
        assert isinstance(connection, Abandonable)
        await connection.send_audio(pcm[: 20 * rate].tobytes())
        await connection.abandon()
        said_before = list(heard)
        assert not connection.is_connected
        with pytest.raises(EngineError):
            await connection.send_audio(pcm[:rate].tobytes())
        # Its seat is free, and whoever has it now is heard.
        other: list[EngineEvent] = []
        taken = await service.transcribe_streaming("t", "fr", rate, other.append)
        await taken.send_audio(pcm[: 6 * rate].tobytes())
        await taken.close()
        await connection.abandon()
        await connection.close()
        assert any(isinstance(e, Result) and e.is_final for e in other)
        assert heard == said_before


async def test_who_waits_for_the_end_is_let_go_when_the_leg_is_abandoned() -> None:
    rate, pcm = leg("fr", "agent")
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", rate, lambda _: None)
        await connection.send_audio(pcm[: 30 * rate].tobytes())
        closing = asyncio.create_task(connection.close())
        await asyncio.sleep(0)
        await connection.abandon()
        assert service.legs == 0
        await closing


async def test_silence_is_told_in_its_place_behind_the_results() -> None:
    rate, pcm = leg("fr", "agent")
    heard: list[EngineEvent] = []
    async with whisper() as service:
        connection = await service.transcribe_streaming("s", "fr", rate, heard.append)
        for piece in (pcm[: 6 * rate].tobytes(), bytes(2 * rate * 10)):
            for at in range(0, len(piece), rate):
                await connection.send_audio(piece[at : at + rate])
        async with asyncio.timeout(30):
            while not (heard and isinstance(heard[-1], Silent) and heard[-1].until > 10.0):
                await asyncio.sleep(0.05)
                await connection.send_audio(bytes(rate // 25))
        await connection.close()
    settled = 0.0
    for event in heard:
        if isinstance(event, Result) and event.is_final and event.words:
            assert event.words[0].start >= settled - 0.05
            settled = event.until or 0.0
        elif isinstance(event, Silent):
            assert event.until > settled
            settled = event.until
