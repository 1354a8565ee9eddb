"""One leg by REST: its pieces, its patience, its end; the server is made for its faults."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from callscribe.engines.base import EngineEvent, Lost, Silent
from callscribe.engines.deepgram import pieces
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.errors import AudioError, EngineError
from callscribe.transcript import Result
from tests import speech
from tests.engines.deepgram.upstream import Faulty, spoken

pytestmark = pytest.mark.anyio


async def test_a_request_that_fails_is_sent_again_in_order(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "FIRST_PAUSE", 0.02)
    faulty.statuses = [503, 429, 500]
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    await service.close()
    assert not [e for e in events if isinstance(e, Lost)]
    assert len(set(faulty.bodies)) == len([e for e in events if isinstance(e, Result)])
    assert faulty.bodies[0] == faulty.bodies[1] == faulty.bodies[3] != faulty.bodies[4]
    # Each piece has one voice, of which nobody knows who it is in the others.
    assert {e.words[0].speaker_label for e in events if isinstance(e, Result)} == {None}
    starts = [e.words[0].start for e in events if isinstance(e, Result)]
    assert starts == sorted(starts)
    assert starts[0] == pytest.approx(0.5, abs=0.1)


async def test_patience_ends(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(pieces, "PATIENCE", 0.1)
    faulty.statuses = [503] * 99
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert lost.error.code == "deepgram_unavailable"


async def test_finalize_and_bad_audio(faulty: Faulty) -> None:
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address)
    rate, samples = speech.leg("fr", "agent")
    connection = await service.transcribe_streaming("s", "fr", rate, events.append)
    with pytest.raises(AudioError):
        await connection.send_audio(b"x")
    await connection.send_audio(samples[: 2 * rate].astype("<i2").tobytes())
    await connection.finalize()
    async with asyncio.timeout(10):
        while not events:
            await asyncio.sleep(0.01)
    await service.close()
    assert not connection.is_connected
    with pytest.raises(EngineError):
        await service.transcribe_streaming("s", "fr", rate, events.append)


async def test_an_answer_that_cannot_be_read_is_asked_for_again(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "FIRST_PAUSE", 0.02)
    faulty.statuses = [299]
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    await service.close()
    assert not [e for e in events if isinstance(e, Lost)]
    assert faulty.bodies[0] == faulty.bodies[1]


async def test_hanging_up_during_an_outage_waits_for_so_long_and_no_longer(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LAST_RESULTS", 0.3)
    monkeypatch.setattr(pieces, "PATIENCE", 60.0)
    faulty.statuses = [503] * 99
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    (lost,) = events
    assert isinstance(lost, Lost)
    assert lost.error.code == "deepgram_timeout"
    await service.close()


@pytest.mark.parametrize("act", ["close", "finalize", "engine"])
async def test_a_callback_may_close_and_finalize(faulty: Faulty, act: str) -> None:
    service = DeepgramBatchService("key", base_url=faulty.address)
    events: list[EngineEvent] = []
    returned: list[str] = []
    pieces: list[int] = []
    rate, samples = speech.leg("fr", "agent")
    audio = samples[: 13 * rate].astype("<i2").tobytes()

    async def acting(event: EngineEvent) -> None:
        if not isinstance(event, Silent):
            events.append(event)
        if returned or not events:
            return
        await connection.send_audio(audio[: 4 * rate])
        pieces.append(len(faulty.bodies))
        await {
            "close": connection.close,
            "finalize": connection.finalize,
            "engine": service.close,
        }[act]()
        returned.append(act)

    connection = await service.transcribe_streaming("s", "fr", rate, acting)
    await connection.send_audio(audio[: 2 * 7 * rate])
    async with asyncio.timeout(10):
        while not returned:
            await asyncio.sleep(0.01)
        assert connection.is_connected is (act == "finalize")
        while act == "finalize" and len(faulty.bodies) == pieces[0]:
            await asyncio.sleep(0.01)  # nobody closes: the piece is sent because it was asked for
        await connection.close()
        await service.close()
    assert events
    assert all(isinstance(event, Result) for event in events)
    assert len(events) == len(faulty.bodies) > 1
    assert connection.callback_errors == 0


async def test_requests_go_on_while_a_callback_is_busy(faulty: Faulty) -> None:
    events: list[EngineEvent] = []

    async def busy(event: EngineEvent) -> None:
        """Returns when the next request has been made."""
        if isinstance(event, Silent):
            return
        events.append(event)
        while len(faulty.bodies) < 2:
            await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        service = await spoken(faulty.address, 13, busy)
        await service.close()
    assert len(events) == len(faulty.bodies) > 1
    assert not [e for e in events if isinstance(e, Lost)]


async def test_pieces_and_silence_say_how_far_they_settle(faulty: Faulty) -> None:
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address)
    rate, samples = speech.leg("fr", "agent")
    leg = await service.transcribe_streaming("s", "fr", rate, events.append)
    await leg.send_audio(bytes(2 * rate * 8))
    async with asyncio.timeout(10):
        while not events:
            await asyncio.sleep(0.01)
    await leg.send_audio(samples[: 7 * rate].astype("<i2").tobytes() + bytes(2 * rate * 8))
    await leg.close()
    await service.close()
    places = [e.until for e in events if isinstance(e, Silent | Result)]
    assert None not in places
    assert places == sorted(places)  # type: ignore[type-var]
    assert isinstance(events[0], Silent)
    assert isinstance(events[-1], Silent)
    assert 15 < events[-1].until <= 23
    assert any(isinstance(e, Result) and e.until != e.end for e in events)


async def test_a_leg_that_is_abandoned_lets_its_request_go() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        gone.set()
        writer.close()

    events: list[EngineEvent] = []
    async with await asyncio.start_server(never, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        service = DeepgramBatchService("key", base_url=f"ws://127.0.0.1:{port}")
        rate, samples = speech.leg("fr", "agent")
        leg = await service.transcribe_streaming("s", "fr", rate, events.append)
        await leg.send_audio(samples[: 13 * rate].astype("<i2").tobytes())
        await asked.wait()
        await leg.abandon()
        await gone.wait()
        assert not leg.is_connected
        await leg.abandon()
        await leg.close()
        await service.close()
    assert not events


async def test_a_leg_may_be_abandoned_at_once() -> None:
    service = DeepgramBatchService("key", base_url="ws://127.0.0.1:1")
    for _ in range(2):  # the second one needs no model to load
        leg = await service.transcribe_streaming("s", "fr", 16_000, lambda _: None)
        await leg.abandon()
        async with asyncio.timeout(5):
            await leg.close()
    assert not service._connections
    await service.close()
