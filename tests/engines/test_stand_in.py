"""The second engine takes over with what the first one has not finished."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from callscribe.engines import stand_in
from callscribe.engines.base import EngineEvent, Lost, StreamOptions, TakenOver, Unheard
from callscribe.engines.stand_in import StandInEngine
from callscribe.errors import CapacityError, EngineError
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw
from tests.engines_for_tests import EnergyEngine, tones

pytestmark = pytest.mark.anyio


class Heard(list[EngineEvent]):
    def __call__(self, event: EngineEvent) -> None:
        self.append(event)

    @property
    def finals(self) -> list[Result]:
        return [e for e in self if isinstance(e, Result) and e.is_final]

    @property
    def text(self) -> str:
        return " ".join(r.text for r in self.finals)


@pytest.fixture
def first() -> EnergyEngine:
    return EnergyEngine(name="deepgram")


@pytest.fixture
def second() -> EnergyEngine:
    return EnergyEngine()


async def lose(first: EnergyEngine) -> None:
    """The first engine's connection ends by itself."""
    inner = first.connections[-1]
    inner.is_connected = False
    answer = inner._callback(Lost(EngineError("broke", code="x")))
    assert answer is not None
    await answer


async def test_nothing_happens_while_all_is_well(first: EnergyEngine, second: EnergyEngine) -> None:
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400))
    await leg.finalize()
    await leg.send_audio(tones(600))
    await leg.close()
    assert heard.text == "f400 f600"
    assert not second.connections


async def test_a_first_engine_that_refuses(first: EnergyEngine, second: EnergyEngine) -> None:
    first.max_legs = 0
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400))
    await leg.close()
    assert heard.text == "f400"
    (taken,) = [e for e in heard if isinstance(e, TakenOver)]
    assert (taken.engine, taken.error.code) == ("whisper", "at_capacity")


async def test_a_language_that_only_the_second_knows(
    first: EnergyEngine, second: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = first.capabilities
    monkeypatch.setattr(
        EnergyEngine,
        "capabilities",
        property(lambda e: few if e is second else few.__class__(True, True, frozenset(), False)),
    )
    heard = Heard()
    engine = StandInEngine(first, second)
    assert "fr" in engine.capabilities.languages
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    await leg.close()
    assert not first.connections
    assert second.connections


@pytest.mark.parametrize("open_seconds", [0.05, 0.2, 0.5])
async def test_lost_in_the_middle(
    first: EnergyEngine, second: EnergyEngine, open_seconds: float
) -> None:
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    audio = tones(400, 600, 800)
    cut = int((0.1 + 0.8 + open_seconds) * 16_000) * 2
    for at in range(0, cut, 640):
        await leg.send_audio(audio[at : min(at + 640, cut)])
    await lose(first)
    for at in range(cut, len(audio), 640):
        await leg.send_audio(audio[at : at + 640])
    await leg.close()
    assert heard.text == "f400 f600 f800"
    starts = [r.words[0].start for r in heard.finals]
    assert starts == pytest.approx([0.1, 0.9, 1.7], abs=0.02)


async def test_lost_while_it_ends(first: EnergyEngine, second: EnergyEngine) -> None:
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))

    async def losing() -> None:
        await lose(first)

    first.connections[0].close = losing  # type: ignore[method-assign]
    await leg.close()
    assert heard.text == "f400"
    assert not leg.is_connected


async def test_both_are_lost(first: EnergyEngine, second: EnergyEngine) -> None:
    second.max_legs = 0
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    await lose(first)
    assert not leg.is_connected
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert (gap.start, gap.end) == (0.0, pytest.approx(0.5))
    assert isinstance(heard[-1], Lost)
    with pytest.raises(EngineError):
        await leg.send_audio(tones(400))
    first.max_legs = 0
    with pytest.raises(CapacityError):
        await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)


async def test_what_is_too_long_to_keep_is_said(
    first: EnergyEngine, second: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in, "KEPT", 1.0)
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    for _ in range(100):
        await leg.send_audio(bytes(640))
    await lose(first)
    await asyncio.sleep(0)
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert gap.start == 0.0
    assert gap.end == pytest.approx(1.0, abs=0.05)
    await leg.close()


async def test_the_second_engine_gets_mulaw_as_it_came(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming(
        "s", "fr", 8_000, heard, options=StreamOptions(encoding="mulaw")
    )
    data = samples_to_mulaw(np.frombuffer(tones(400, 600, rate=8_000), "<i2"))
    half = len(data) // 2 + 800
    for at in range(0, half, 160):
        await leg.send_audio(data[at : min(at + 160, half)])
    assert heard.text == "f400"
    await lose(first)
    for at in range(half, len(data), 160):
        await leg.send_audio(data[at : at + 160])
    await leg.close()
    assert heard.text == "f400 f600"
    assert heard.finals[-1].end <= len(data) / 8_000


async def test_a_leg_that_ends_while_the_second_engine_opens(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    second.opening_delay = 0.05
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    losing = asyncio.create_task(lose(first))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):  # who ends the leg does not wait for long
            await leg.close()
    await losing
    assert [inner.is_connected for inner in second.connections] == [False]
    assert second.open_legs == 0
    assert not [e for e in heard if isinstance(e, TakenOver)]
    (gap,) = [e for e in heard if isinstance(e, Unheard)]  # what was open is lost, and that is said
    assert (gap.start, gap.end) == (0.0, pytest.approx(0.5))
    assert isinstance(heard[-1], Lost)


async def test_who_is_told_of_the_change_may_close_the_leg(
    first: EnergyEngine, second: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in, "KEPT", 0.2)
    heard = Heard()

    async def closing(event: EngineEvent) -> None:
        heard(event)
        if isinstance(event, Unheard):
            await leg.close()

    leg = await StandInEngine(first, second).transcribe_streaming("s", "fr", 16_000, closing)
    await leg.send_audio(tones(400, gap=0.1))
    await leg.send_audio(bytes(640) * 20)
    async with asyncio.timeout(5):
        await lose(first)
    assert not leg.is_connected
    assert second.open_legs == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ((), ""),
        ((("diarize", "true"),), ""),
        ((("redact", "pci"), ("redact", "ssn")), "Nothing is redacted"),
    ],
)
async def test_what_the_second_engine_does_not_do_is_said(
    first: EnergyEngine, second: EnergyEngine, query: tuple[tuple[str, str], ...], says: str
) -> None:
    first.max_legs = 0
    heard = Heard()
    leg = await StandInEngine(first, second).transcribe_streaming(
        "s", "fr", 16_000, heard, options=StreamOptions(query=query)
    )
    await leg.close()
    (taken,) = [e for e in heard if isinstance(e, TakenOver)]
    assert taken.caveat.startswith(says)
    assert bool(taken.caveat) is bool(says)
