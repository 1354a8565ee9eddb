"""Looks at a piece that is still open, for interims; the server is made for its faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from callscribe.engines.base import EngineEvent, Silent, StreamOptions
from callscribe.engines.deepgram import peeks
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.engines.deepgram.cutter import PauseCutter
from callscribe.engines.deepgram.glances import Glances
from callscribe.engines.deepgram.pieces import DeepgramBatchConnection
from callscribe.engines.silero import SileroModel
from callscribe.transcript import Result
from tests import speech
from tests.engines.deepgram.upstream import Faulty

pytestmark = pytest.mark.anyio

STAND_IN = StreamOptions(streaming=False, stands_in=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def glances(leg: DeepgramBatchConnection) -> Glances:
    assert leg._glances is not None
    return leg._glances


async def taken(leg: DeepgramBatchConnection, audio: bytes) -> None:
    """Sends audio, and waits until it has been looked through."""
    seconds = leg._cutter.seconds + len(audio) / 2 / leg._rate
    await leg.send_audio(audio)
    await until(lambda: leg._cutter.seconds >= seconds and not leg._work.is_set())
    await asyncio.sleep(0.1)


async def test_a_piece_that_is_open_is_heard_where_there_would_be_live_text(faulty: Faulty) -> None:
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address)
    rate, samples = speech.leg("fr", "agent")
    pcm = samples.astype("<i2").tobytes()
    leg = await service.transcribe_streaming("s", "fr", rate, events.append, options=STAND_IN)
    await leg.send_audio(pcm[: 5 * rate])
    await until(lambda: len(events) == 1)
    (so_far,) = events
    assert isinstance(so_far, Result)
    assert so_far.words
    assert (so_far.is_final, so_far.speech_final, so_far.until) == (False, False, None)
    await taken(leg, pcm[5 * rate : 6 * rate])
    assert len(faulty.bodies) == 1, "half a second more is not worth a request"
    await leg.finalize()
    await until(lambda: len(events) == 2)
    final = events[1]
    assert isinstance(final, Result)
    assert (final.is_final, final.until) == (True, pytest.approx(3.0))
    assert final.words[0].start == so_far.words[0].start
    assert [len(body) for body in faulty.bodies] == [5 * rate + 44, 6 * rate + 44]
    await leg.close()
    await service.close()


async def test_a_look_that_fails_costs_nothing_but_itself(faulty: Faulty) -> None:
    faulty.statuses = [401, 299]
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address)
    rate, samples = speech.leg("fr", "agent")
    pcm = samples.astype("<i2").tobytes()
    leg = await service.transcribe_streaming("s", "fr", rate, events.append, options=STAND_IN)
    for number in (1, 2):  # refused, and half an answer
        await leg.send_audio(pcm[: 4 * rate])
        await until(lambda number=number: len(faulty.bodies) == number)  # type: ignore[misc]
        await until(lambda: not glances(leg).is_under_way)
        glances(leg)._peeks = peeks.Peeks()
        leg._cutter.flush()
    assert not [event for event in events if not isinstance(event, Silent)]
    await leg.send_audio(pcm[: 4 * rate])
    await leg.finalize()
    await until(lambda: any(isinstance(event, Result) for event in events))
    await leg.close()
    await service.close()


async def test_looks_leave_half_of_the_budget_alone(faulty: Faulty) -> None:
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address, requests=2)
    rate, samples = speech.leg("fr", "agent")
    pcm = samples.astype("<i2").tobytes()
    leg = await service.transcribe_streaming("s", "fr", rate, events.append, options=STAND_IN)
    async with service.budget.slot(None):
        await taken(leg, pcm[: 5 * rate])
        await until(lambda: not glances(leg).is_under_way)
        assert not faulty.bodies
        await leg.finalize()
        await until(lambda: len(faulty.bodies) == 1)
    await leg.close()
    assert all(event.is_final for event in events if isinstance(event, Result))
    await service.close()


async def test_a_piece_that_has_ended_waits_for_no_look(faulty: Faulty) -> None:
    """The look hangs; the final comes, and no interim behind it."""
    looked, let_go = asyncio.Event(), asyncio.Event()
    service = DeepgramBatchService("key", base_url=faulty.address)

    async def hang(_wav: bytes) -> None:
        looked.set()
        try:
            await asyncio.sleep(30)
        finally:
            let_go.set()

    events: list[EngineEvent] = []
    rate, samples = speech.leg("fr", "agent")
    leg = DeepgramBatchConnection(
        "s",
        PauseCutter(rate, SileroModel().stream()),
        rate,
        events.append,
        lambda wav: service._request(wav, {"model": "nova-3"}),
        time.monotonic,
        peek=hang,
    )
    await leg.send_audio(samples[: 5 * rate // 2].astype("<i2").tobytes())
    async with asyncio.timeout(10):
        await looked.wait()
        await leg.finalize()
        await let_go.wait()
        await until(lambda: bool(events))
        await leg.close()
    assert [e.is_final for e in events if isinstance(e, Result)] == [True]
    await service.close()
