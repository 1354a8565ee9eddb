"""The promised service through a bad network: what it calls each fault, and what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from callscribe.chaos import ChaosProxy
from callscribe.engines.base import EngineEvent, Lost
from callscribe.engines.deepgram import DeepgramTranscriptionService, pieces, transport, watch
from callscribe.errors import UpstreamError
from callscribe.transcript import Result
from callscribe.web.listen import stream as stream_module
from tests.engines.deepgram.upstream import Faulty, spoken
from tests.engines_for_tests import tones
from tests.serving import Served

pytestmark = pytest.mark.anyio

SPEECH = tones(400, 600, gap=0.2) + bytes(64_000) + tones(800)


class Leg:
    """A leg through the proxy, and what came of it."""

    def __init__(self, proxy: ChaosProxy) -> None:
        self.service = DeepgramTranscriptionService("key", base_url=proxy.ws)
        self.events: list[EngineEvent] = []
        self.garbled = 0

    async def speak(self, audio: bytes = SPEECH, *, repeated: int = 1, pace: float = 0.003) -> None:
        """Sends frames as a microphone does, as long as the leg lives, and closes it."""
        leg = await self.service.transcribe_streaming("s", "fr", 16_000, self.events.append)
        try:
            for at in range(0, len(audio) * repeated, 640):
                if not leg.is_connected:
                    break
                place = at % len(audio)
                await leg.send_audio(audio[place : place + 640])
                await asyncio.sleep(pace)
        finally:
            await leg.close()
        self.garbled = leg.garbled

    @property
    def text(self) -> str:
        found = [e for e in self.events if isinstance(e, Result) and e.is_final]
        return " ".join(result.text for result in found if result.text)

    @property
    def lost(self) -> list[tuple[str, bool]]:
        errors = [event.error for event in self.events if isinstance(event, Lost)]
        return [(error.code, error.retryable) for error in errors]


def happened(proxy: ChaosProxy) -> list[str]:
    return [str(happening.fault) for happening in proxy.happenings if happening.fault]


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "deepgram_unauthorized", False),
        (402, "deepgram_no_credit", False),
        (403, "deepgram_forbidden", False),
        (429, "deepgram_busy", True),
        (503, "deepgram_unavailable", True),
    ],
)
async def test_refusals(served: Served, status: int, code: str, retryable: bool) -> None:
    async with ChaosProxy(served.ws, [f"refuse:{status}/1"]) as proxy:
        leg = Leg(proxy)
        with pytest.raises(UpstreamError) as caught:
            await leg.speak()
        await leg.speak()
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert caught.value.request_id
    assert "refused by callscribe chaos" in caught.value.message
    assert leg.text == "f400 f600 f800"
    assert not leg.lost


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ("drop@0.2", "deepgram_closed", True),
        ("close:1008@0.2", "deepgram_bad_audio", False),
        ("close:1011@0.2", "deepgram_timeout", True),
        ("close:1013@0.2", "deepgram_closed", True),
        ("half-open@0.2", "deepgram_closed", True),
        ("stall:up@0.2", "deepgram_timeout", True),
        ("stall:down@0.2", "deepgram_stalled", True),
    ],
)
async def test_what_a_lost_leg_is_called(
    served: Served, monkeypatch: pytest.MonkeyPatch, fault: str, code: str, retryable: bool
) -> None:
    if fault.startswith("half-open"):
        monkeypatch.setattr(transport, "PING_EVERY", 0.1)
        monkeypatch.setattr(transport, "PING_DEADLINE", 0.2)
    if fault.startswith("stall:up"):  # the server, which hears nothing, gives up first
        monkeypatch.setattr(stream_module, "SILENCE", 0.5)
    if fault.startswith("stall:down"):
        monkeypatch.setattr(watch, "STALL", 3.0)
    async with ChaosProxy(served.ws, [fault]) as proxy:
        leg = Leg(proxy)
        async with asyncio.timeout(20):
            await leg.speak(repeated=50)
    assert leg.lost == [(code, retryable)]
    assert happened(proxy) == [fault]


async def test_an_opening_that_waits_too_long(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "OPEN_DEADLINE", 0.2)
    async with ChaosProxy(served.ws, ["stall:open"]) as proxy:
        with pytest.raises(UpstreamError) as caught:
            await Leg(proxy).speak()
    assert (caught.value.code, caught.value.retryable) == ("deepgram_unreachable", True)


@pytest.mark.parametrize(
    "faults",
    [["delay:20-80"], ["stall:up@0.1+0.3"], ["stall:down@0.1+0.3"], ["delay:50@0.1+0.2"]],
    ids=" ".join,
)
async def test_what_takes_longer_costs_no_word(served: Served, faults: Sequence[str]) -> None:
    async with ChaosProxy(served.ws, faults) as proxy:
        leg = Leg(proxy)
        await leg.speak()
    assert leg.text == "f400 f600 f800"
    assert not leg.lost
    assert set(happened(proxy)) == set(faults)


@pytest.mark.parametrize("way", ["cut", "type", "null", "binary"])
async def test_a_broken_message_costs_no_more_than_itself(served: Served, way: str) -> None:
    async with ChaosProxy(served.ws, [f"garble:{way}"]) as proxy:
        leg = Leg(proxy)
        await leg.speak()
    assert happened(proxy) == [f"garble:{way}"]
    assert leg.garbled == 1
    assert not leg.lost
    assert leg.text == "f400 f600 f800"  # the first message held no final


async def test_many_broken_messages_end_nothing_but_where_a_final_was_among_them(
    served: Served,
) -> None:
    async with ChaosProxy(served.ws, ["garble~0.02"], seed=11) as proxy:
        leg = Leg(proxy)
        await leg.speak()
    assert len(happened(proxy)) > 5
    # A final that is missing is said, so that its audio can be heard again.
    assert leg.lost in ([], [("deepgram_closed", True)])


async def test_pieces_by_request_are_sent_again(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "FIRST_PAUSE", 0.02)
    events: list[Any] = []
    faults = ["refuse:503/1", "drop/2", "refuse:429/3", "delay:10"]
    async with ChaosProxy(faulty.address, faults) as proxy:
        service = await spoken(proxy.ws, 13, events.append)
        await service.close()
    assert not [event for event in events if isinstance(event, Lost)]
    assert len([e for e in events if isinstance(e, Result)]) == len(set(faulty.bodies)) >= 2
    assert proxy.connections == len(set(faulty.bodies)) + 3
