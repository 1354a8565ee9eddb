"""One leg's way into whichever engine listens; the engines hear tones."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from callscribe.engines.base import (
    Deaf,
    Doubtful,
    EngineEvent,
    Listening,
    Lost,
    Repaired,
    StreamOptions,
    TakenOver,
    Unheard,
)
from callscribe.engines.resilient import Onset, Patience, ResilientEngine, Rung, connection
from callscribe.engines.resilient.actions import Action
from callscribe.engines.resilient.core import Core
from callscribe.errors import CapacityError, EngineError, UpstreamError
from callscribe.wire.g711 import samples_to_mulaw
from tests.engines.hearing import Heard
from tests.engines_for_tests import EnergyConnection, EnergyEngine, tones

pytestmark = pytest.mark.anyio

SILENT = UpstreamError(
    "it answers nothing", code="deepgram_stalled", retryable=True, request_id="0199c0de"
)


@pytest.fixture
def first() -> EnergyEngine:
    return EnergyEngine(name="deepgram")


@pytest.fixture
def second() -> EnergyEngine:
    return EnergyEngine()


def ladder(*engines: EnergyEngine, patience: Patience | None = None) -> ResilientEngine:
    return ResilientEngine([Rung(engine, engine.name) for engine in engines], patience)


async def settled() -> None:
    """Lets the tasks of a leg do what they have to do."""
    for _ in range(20):
        await asyncio.sleep(0)


async def lose(first: EnergyEngine | EnergyConnection, *, retryable: bool = False) -> None:
    """The engine's latest connection ends by itself, or this one."""
    inner = first.connections[-1] if isinstance(first, EnergyEngine) else first
    if not inner.is_connected:
        return
    inner.is_connected = False
    answer = inner._callback(Lost(EngineError("broke", code="x", retryable=retryable)))
    if answer is not None:
        await answer


async def test_nothing_happens_while_all_is_well(first: EnergyEngine, second: EnergyEngine) -> None:
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400))
    await leg.finalize()
    await leg.send_audio(tones(600))
    await leg.close()
    assert heard.text == "f400 f600"
    assert not second.connections


async def test_a_first_engine_that_refuses(first: EnergyEngine, second: EnergyEngine) -> None:
    first.max_legs = 0
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
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
    engine = ladder(first, second)
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
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
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


async def test_whoever_may_be_dead_is_followed_at_once(first: EnergyEngine) -> None:
    heard = Heard()
    never = Patience(first_delay=1000.0)
    leg = await ladder(first, patience=never).transcribe_streaming("s", "fr", 16_000, heard)
    audio = tones(400, 600, 800)
    cut = int(1.2 * 16_000) * 2
    await leg.send_audio(audio[:cut])
    first.connections[0]._callback(Doubtful(SILENT))
    async with asyncio.timeout(5):
        while len(first.connections) < 2:
            await asyncio.sleep(0.01)
    await lose(first.connections[0], retryable=True)
    await leg.send_audio(audio[cut:])
    await leg.close()
    assert heard.text == "f400 f600 f800"
    assert not [event for event in heard if isinstance(event, Doubtful)]


async def hear_twice(first: EnergyEngine, audio: bytes, said: int) -> tuple[Heard, list[Any]]:
    """A leg whose connection says nothing of what comes behind so many bytes, and a spare."""
    heard = Heard()
    engine = ResilientEngine([Rung(first, first.name, pace=20.0)])
    with capture_logs() as logs:
        leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
        await leg.send_audio(audio[:said])
        first.connections[0]._callback = lambda _: None
        leg._ways._listener.heard(leg._core.active, Doubtful(SILENT))
        for at in range(said, len(audio), 3200):
            await leg.send_audio(audio[at : at + 3200])
            await asyncio.sleep(0.02)
        await leg.close()
    return heard, logs


async def test_who_may_be_dead_loses_the_leg_to_who_answers(first: EnergyEngine) -> None:
    audio = tones(400, 600, 800, 500)
    heard, logs = await hear_twice(first, audio, int(1.2 * 16_000) * 2)
    assert len(first.connections) == 2
    assert heard.text == "f400 f600 f800 f500"
    starts = [final.words[0].start for final in heard.finals]
    assert starts == pytest.approx([0.1, 0.9, 1.7, 2.5], abs=0.02)
    (lost,) = [entry for entry in logs if entry["event"] == "engine_lost"]
    assert (lost["code"], lost["request_id"]) == ("deepgram_stalled", "0199c0de")


async def test_who_answers_after_all_when_the_leg_ends_keeps_it(first: EnergyEngine) -> None:
    heard = Heard()
    leg = await ladder(first).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, 600, gap=0.1))
    (only,) = first.connections
    only._callback(Doubtful(SILENT))
    async with asyncio.timeout(5):
        while len(first.connections) < 2:
            await asyncio.sleep(0.01)
    only._callback(Doubtful())  # as comes before each answer
    await leg.close()
    assert heard.text == "f400 f600"
    assert first.open_legs == 0, "and the spare is closed"


async def test_lost_while_it_ends(first: EnergyEngine, second: EnergyEngine) -> None:
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))

    async def losing() -> None:
        await lose(first)

    first.connections[0].close = losing  # type: ignore[method-assign]
    await leg.close()
    assert heard.text == "f400"
    assert not leg.is_connected


async def test_where_all_have_refused_the_leg_goes_on_and_what_is_said_is_a_gap(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    await lose(first)
    await settled()
    await lose(second)
    await settled()
    assert leg.is_connected
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert (gap.start, gap.end) == (0.0, pytest.approx(0.5, abs=0.1))
    (deaf,) = [e for e in heard if isinstance(e, Deaf)]
    assert deaf.error.message == "broke"
    for _ in range(100):
        await leg.send_audio(tones(400))
        await asyncio.sleep(0)
    await settled()
    gaps = [e for e in heard if isinstance(e, Unheard)]
    assert len(gaps) > 2, "it is said as it grows"
    await leg.close()
    gaps = [e for e in heard if isinstance(e, Unheard)]
    assert [gap.start for gap in gaps] == [0.0, *(gap.end for gap in gaps[:-1])]
    assert gaps[-1].end == pytest.approx(0.5 + 100 * 0.9)
    assert {gap.reason for gap in gaps} == {"broke"}
    assert not heard.finals
    assert len([e for e in heard if isinstance(e, Deaf)]) == 1


async def test_a_key_that_is_valid_again_is_found_out_and_what_was_missed_is_repaired(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    soon = Patience(refusal=0.1, untold=2.0)
    rungs = [Rung(first, "first", provider="x"), Rung(second, "second", provider="x")]
    engine = ResilientEngine(rungs, soon, [Rung(second, "second", provider="x")])
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    first.refused = second.refused = EngineError("no such key", code="key")
    await lose(first)
    for frequency in range(400, 1200, 40):
        await leg.send_audio(tones(frequency))
        await asyncio.sleep(0.02)
    assert len(first.connections) == 1
    assert [e.error.code for e in heard if isinstance(e, Deaf)] == ["x"]
    first.refused = second.refused = None
    async with asyncio.timeout(10):
        while not any(isinstance(e, Listening) for e in heard):
            await asyncio.sleep(0.01)
    await leg.send_audio(tones(300))
    await leg.close()
    assert len([e for e in heard if isinstance(e, Deaf)]) == 1
    gaps = [e for e in heard if isinstance(e, Unheard)]
    repaired = [e for e in heard if isinstance(e, Repaired)]
    assert gaps
    assert sorted((g.start, g.end) for g in gaps) == sorted((r.start, r.end) for r in repaired)
    said = [w for r in [*heard.finals, *(s for e in repaired for s in e.results)] for w in r.words]
    said.sort(key=lambda word: word.start)
    assert [word.text for word in said] == [f"f{f}" for f in (*range(400, 1200, 40), 300)]


async def test_an_engine_that_cannot_finish_leaves_the_rest_to_the_next(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    first.fail_closing = True
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    await leg.close()
    assert heard.text == "f400"


async def test_what_the_last_engine_cannot_finish_is_a_gap(first: EnergyEngine) -> None:
    first.fail_closing = True
    heard = Heard()
    leg = await ladder(first).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    await leg.close()
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert (gap.start, gap.reason) == (0.0, "no last finals")


async def test_no_engine_has_room(first: EnergyEngine, second: EnergyEngine) -> None:
    first.max_legs = second.max_legs = 0
    with pytest.raises(CapacityError):
        await ladder(first, second).transcribe_streaming("s", "fr", 16_000, Heard())


async def test_an_engine_that_comes_back_is_handed_the_leg(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    quick = Patience(takeover=0.01, first_delay=0.2, healthy=0.02, stable=0.02)
    engine = ladder(first, second, patience=quick)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    audio = tones(*range(400, 1200, 40))
    for number, at in enumerate(range(0, len(audio), 640)):
        if number in (100, 150, 300):
            await lose(first, retryable=True)
        await leg.send_audio(audio[at : at + 640])
        await asyncio.sleep(0.002)
    await leg.close()
    assert heard.text == " ".join(f"f{f}" for f in range(400, 1200, 40))
    starts = [word.start for final in heard.finals for word in final.words]
    assert starts == pytest.approx([0.1 + 0.8 * n for n in range(20)], abs=0.02)
    assert any(isinstance(e, TakenOver) for e in heard)
    assert any(isinstance(e, Listening) for e in heard)
    assert [inner.is_connected for inner in first.connections + second.connections].count(True) == 0


class Busy(EnergyEngine):
    """Refuses for now, as a service does that has too much to do."""

    busy = True

    async def transcribe_streaming(self, *given: Any, **more: Any) -> EnergyConnection:
        if self.busy:
            raise UpstreamError("too much to do", code="deepgram_busy", retryable=True)
        return await super().transcribe_streaming(*given, **more)


async def test_a_leg_begins_although_its_engine_refuses_for_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    busy, heard = Busy(), Heard()
    engine = ladder(busy, patience=Patience(first_delay=0.02, longest_delay=0.05, attempts=999))
    async with asyncio.timeout(10):
        leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
        await leg.send_audio(tones(400, 600))
        busy.busy = False
        await leg.close()
    assert heard.text == "f400 f600"


async def test_who_ends_a_leg_waits_a_while_for_an_engine_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    monkeypatch.setattr(connection, "AWAY", 0.2)
    heard = Heard()
    async with asyncio.timeout(10):
        leg = await ladder(Busy()).transcribe_streaming("s", "fr", 16_000, heard)
        await leg.send_audio(tones(400, gap=0.1))
        await leg.close()
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert (gap.start, gap.end, gap.reason) == (0.0, pytest.approx(0.5), "too much to do")


async def test_who_ends_a_leg_does_not_look_at_it_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "AWAY", 0.3)
    busy = Busy()
    busy.busy = False
    leg = await ladder(busy).transcribe_streaming("s", "fr", 16_000, Heard())
    busy.busy = True
    await leg.send_audio(tones(400, gap=0.1))
    await lose(busy, retryable=True)
    looks = 0
    tick = Core.tick

    def counted(core: Core, now: float) -> list[Action]:
        nonlocal looks
        looks += 1
        return tick(core, now)

    monkeypatch.setattr(Core, "tick", counted)
    await leg.close()
    assert 3 < looks < 40


async def test_what_nobody_hears_for_long_goes_to_disk_and_is_heard_from_there(
    first: EnergyEngine,
) -> None:
    heard = Heard()
    few = Patience(first_delay=0.5, in_memory=0.5)
    leg = await ladder(first, patience=few).transcribe_streaming("s", "fr", 16_000, heard)
    first.max_legs = 0
    await lose(first, retryable=True)
    audio = tones(400, 600, 800, 1000)
    for at in range(0, len(audio), 3200):
        await leg.send_audio(audio[at : at + 3200])
        async with asyncio.timeout(10):
            while leg._tape.is_heavy:  # it is written in a thread, which may be late
                await asyncio.sleep(0.001)
        assert sum(len(piece) for _, piece in leg._tape._pieces) <= 0.8 * 32_000
    assert leg._tape._file is not None
    first.max_legs = 9
    await leg.close()
    assert heard.text == "f400 f600 f800 f1000"


async def test_nobody_for_a_while_and_then_the_same_again(first: EnergyEngine) -> None:
    heard = Heard()
    engine = ladder(first, patience=Patience(first_delay=0.1))
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    audio = tones(400, 600, 800, 1000)
    half = len(audio) // 2 // 640 * 640
    await leg.send_audio(audio[:half])
    first.max_legs = 0
    await lose(first, retryable=True)
    await leg.send_audio(audio[half:])
    first.max_legs = 9
    await leg.close()
    assert heard.text == "f400 f600 f800 f1000"
    assert not [e for e in heard if isinstance(e, Unheard | TakenOver)]


async def test_what_is_too_long_to_keep_is_said(first: EnergyEngine, second: EnergyEngine) -> None:
    heard = Heard()
    few = Patience(kept=1.0, in_memory=1.0)
    engine = ladder(first, second, patience=few)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    for _ in range(100):
        await leg.send_audio(bytes(640))
    await lose(first)
    await settled()
    (gap,) = [e for e in heard if isinstance(e, Unheard)]
    assert gap.start == 0.0
    assert gap.end == pytest.approx(1.0, abs=0.05)
    await leg.close()


async def test_the_second_engine_gets_mulaw_as_it_came(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming(
        "s", "fr", 8_000, heard, options=StreamOptions(encoding="mulaw")
    )
    data = samples_to_mulaw(np.frombuffer(tones(400, 600, rate=8_000), "<i2"))
    half = len(data) // 2 + 800
    for at in range(0, half, 160):
        await leg.send_audio(data[at : min(at + 160, half)])
    await settled()
    assert heard.text == "f400"
    await lose(first)
    await settled()
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
    leg = await ladder(first, second).transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(tones(400, gap=0.1))
    await lose(first)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):  # who ends the leg may not wait for long
            await leg.close()
    await leg.close()
    assert heard.text == "f400"
    assert [inner.is_connected for inner in second.connections] == [False]
    assert second.open_legs == 0


async def test_who_is_told_of_the_change_may_close_the_leg(
    first: EnergyEngine, second: EnergyEngine
) -> None:
    heard = Heard()
    few = Patience(kept=0.2, in_memory=0.2)

    async def closing(event: EngineEvent) -> None:
        heard(event)
        if isinstance(event, Unheard):
            await leg.close()

    engine = ladder(first, second, patience=few)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, closing)
    await leg.send_audio(tones(400, gap=0.1))
    await leg.send_audio(bytes(640) * 20)
    await lose(first)
    async with asyncio.timeout(5):
        while second.open_legs or not second.connections:
            await asyncio.sleep(0.01)
    assert not leg.is_connected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ((), ""),
        ((("numerals", "true"),), ""),
        ((("diarize", "true"),), "Voices on one line are not told apart"),
        ((("redact", "pci"), ("redact", "ssn")), "Nothing is redacted"),
    ],
)
async def test_what_the_second_engine_does_not_do_is_said(
    first: EnergyEngine, second: EnergyEngine, query: tuple[tuple[str, str], ...], says: str
) -> None:
    first.max_legs = 0
    heard = Heard()
    leg = await ladder(first, second).transcribe_streaming(
        "s", "fr", 16_000, heard, options=StreamOptions(query=query)
    )
    await leg.close()
    (taken,) = [e for e in heard if isinstance(e, TakenOver)]
    assert taken.caveat.startswith(says)
    assert bool(taken.caveat) is bool(says)


class TwoSeconds(Onset):
    """Takes the first two seconds for silence, in its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.asked: list[int] = []
        self._seconds = seconds

    def silence(self, samples: NDArray[np.int16], rate: int, *, behind_word: bool = False) -> int:  # noqa: ARG002
        self.asked.append(len(samples))
        time.sleep(self._seconds)
        return 2 * rate

    def pauses(self, *_: object, **__: object) -> list[tuple[int, int]]:
        return []


@pytest.mark.parametrize(("seconds", "left_out"), [(0.05, 2.0), (0.6, 0.0)])
async def test_the_silence_before_what_is_heard_again_is_left_out(
    first: EnergyEngine, seconds: float, left_out: float
) -> None:
    """Where it is found in time: nobody is kept waiting for it."""
    heard = Heard()
    seeker = TwoSeconds(seconds)
    engine = ResilientEngine([Rung(first, "deepgram", pace=50)], onset=seeker)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    silence = bytes(3 * 16_000 * 2)
    await leg.send_audio(silence)
    await settled()
    await lose(first, retryable=True)
    await asyncio.sleep(0.7)
    await leg.send_audio(tones(400))
    await leg.close()
    assert seeker.asked == [3 * 16_000]
    assert heard.text == "f400"
    (final,) = heard.finals
    assert final.words[0].start == pytest.approx(3.1, abs=0.02)
    all_of_it = len(silence) + len(tones(400))
    assert len(first.connections[-1]._audio) == all_of_it - int(left_out * 32_000)


async def test_pauses_in_what_is_heard_again_are_left_out(first: EnergyEngine) -> None:
    """The words behind them keep their places, and come sooner."""
    heard = Heard()
    engine = ResilientEngine([Rung(first, "deepgram", pace=2)], onset=Onset())
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    await lose(first, retryable=True)
    said = tones(400) + bytes(4 * 32_000) + tones(500, 600) + bytes(3 * 32_000) + tones(700)
    await leg.send_audio(said)
    await leg.close()
    assert heard.text == "f400 f500 f600 f700"
    starts = [final.words[0].start for final in heard.finals]
    whole = EnergyEngine()
    alone = Heard()
    other = await whole.transcribe_streaming("s", "fr", 16_000, alone)
    await other.send_audio(said)
    await other.close()
    assert starts == pytest.approx([f.words[0].start for f in alone.finals], abs=0.03)
    left_out = len(said) - len(first.connections[-1]._audio)
    assert 5.0 < left_out / 32_000 < 5.8


async def test_what_cannot_be_listened_to_is_heard_again_whole(
    first: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeker = TwoSeconds(0)
    monkeypatch.setattr(seeker, "silence", lambda *_, **_options: 1 / 0)
    monkeypatch.setattr(seeker, "pauses", lambda *_, **_options: 1 / 0)
    heard = Heard()
    engine = ResilientEngine([Rung(first, "deepgram", pace=50)], onset=seeker)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    await leg.send_audio(bytes(2 * 16_000 * 2))
    await lose(first, retryable=True)
    await leg.send_audio(tones(400))
    await leg.close()
    assert heard.text == "f400"
    assert len(first.connections[-1]._audio) == 2 * 16_000 * 2 + len(tones(400))
