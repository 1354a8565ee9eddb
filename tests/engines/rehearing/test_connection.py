"""One leg whose finals are heard again; the engines hear tones."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from msgspec import structs
from msgspec.structs import replace

from callscribe.audio import FloatArray
from callscribe.engines.base import (
    EngineEvent,
    Listening,
    Lost,
    Reheard,
    StreamOptions,
    TakenOver,
    TranscriptCallback,
)
from callscribe.engines.rehearing import Hearer, RehearingEngine, choice
from callscribe.engines.rehearing import connection as rehearing
from callscribe.engines.resilient import Patience, ResilientEngine, Rung
from callscribe.errors import EngineError
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw
from tests.engines.hearing import Heard, until
from tests.engines_for_tests import Clips, EnergyEngine, tones

pytestmark = pytest.mark.anyio


class Tones(Clips):
    """Calls the tones of clips by capitals; it keeps the clips, may wait, and may break."""

    sure = 0.97

    def __init__(self) -> None:
        super().__init__()
        self.clips: list[FloatArray] = []
        self.capitals = True
        self.sures: list[float] = []
        self.hang_at = 0
        self.error: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions | None = None
    ) -> Result:
        assert options is not None
        self.clips.append(audio)
        if self.sures:
            self.sure = self.sures.pop(0)
        if len(self.clips) == self.hang_at:
            await asyncio.sleep(60)
        await self.hold.wait()
        if self.error is not None:
            raise self.error
        found = await super().transcribe_clip(audio, language, options=options)
        if not self.capitals:
            return found
        return replace(
            found, words=tuple(structs.replace(w, text=w.text.upper()) for w in found.words)
        )


@pytest.fixture
def inner() -> EnergyEngine:
    return EnergyEngine(name="whisper")


@pytest.fixture
def ear() -> Tones:
    return Tones()


@pytest.fixture
def heard() -> Heard:
    return Heard()


def wrap(inner: EnergyEngine, ear: Tones, below: float = 1.0) -> RehearingEngine:
    return RehearingEngine(inner, [Hearer(ear, "whisper")], {"*": below})


async def open_leg(
    engine: RehearingEngine, heard: TranscriptCallback, rate: int = 16_000, **options: object
) -> rehearing.RehearingConnection:
    wanted = StreamOptions(**options)  # type: ignore[arg-type]
    return await engine.transcribe_streaming("s", "fr", rate, heard, options=wanted)


async def test_unsure_finals_are_marked_and_replaced_in_their_places(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400, 500, 600))
    await leg.close()
    assert [again.by for again in heard.of(Reheard)] == ["whisper"] * 3
    for final, again in zip(heard.finals, heard.of(Reheard), strict=True):
        assert (again.start, again.end) == (final.start, final.end)
        assert again.result.text == final.text.upper()
        assert again.result.start == pytest.approx(final.start, abs=0.03)
        assert again.result.end == pytest.approx(final.end, abs=0.03)
    assert len(ear.clips[1]) > 2 * 16_000  # in company


async def test_what_is_unsure_still_is_heard_without_what_was_said_before(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    ear.sures = [0.7, 0.7, 0.96, 0.7, 0.7]
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400, 500, 600))
    await leg.close()
    first, second, after, last, alone = (len(clip) for clip in ear.clips)
    assert first == second == last  # all three, each time
    assert first > after > alone  # the second with the third, the third by itself
    assert [again.result.text for again in heard.of(Reheard)] == ["F500"]


async def test_what_is_heard_twice_is_the_same_although_the_call_went_on(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    ear.sure = 0.7
    leg = await open_leg(wrap(inner, ear), heard)
    many = list(range(400, 2000, 40))
    while len(ear.clips) < 2:  # nothing was said before the first
        await leg.send_audio(tones(*many[:2]))
        await asyncio.sleep(0.05)
        if ear.clips:
            ear.hold.clear()
    await leg.send_audio(tones(*many, *many))  # the tape has let go of what was before
    ear.hold.set()
    await leg.close()
    whole, part = ear.clips[1:3]
    assert 2 * 16_000 < len(part) < len(whole)
    assert np.array_equal(part, whole[len(whole) - len(part) :])


async def test_what_was_understood_when_the_leg_ends_is_told(
    inner: EnergyEngine, ear: Tones, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearing, "FINISHING", 0.3)
    ear.sures = [0.99, 0.87]
    leg = await open_leg(wrap(inner, ear, below=0.95), heard)
    monkeypatch.setattr("callscribe.engines.rehearing.clip.CLEAR", 0.9)
    await leg.send_audio(tones(400, 500))
    ear.hang_at = 3  # the second one once more
    await leg.close()
    assert [again.result.text for again in heard.of(Reheard)] == ["F400", "F500"]


async def test_what_is_sure_is_left_alone(inner: EnergyEngine, ear: Tones, heard: Heard) -> None:
    leg = await open_leg(wrap(inner, ear, below=0.5), heard)
    await leg.send_audio(tones(400, 500))
    await leg.close()
    assert len(heard.finals) == 2
    assert not heard.of(Reheard)
    assert not ear.clips


@pytest.mark.parametrize("encoding", ["linear16", "mulaw"])
async def test_telephone_legs_too(
    inner: EnergyEngine, ear: Tones, heard: Heard, encoding: str
) -> None:
    audio = tones(400, 500, rate=8000)
    if encoding == "mulaw":
        audio = samples_to_mulaw(np.frombuffer(audio, "<i2"))
    leg = await open_leg(wrap(inner, ear), heard, 8000, encoding=encoding)
    for at in range(0, len(audio), 160):
        await leg.send_audio(audio[at : at + 160])
    await leg.close()
    assert [again.result.text for again in heard.of(Reheard)] == [
        f.text.upper() for f in heard.finals
    ]


async def test_it_does_not_wait_for_the_end_of_the_leg(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400))
    await leg.send_audio(bytes(2 * 16_000 * 13))
    await until(lambda: heard.of(Reheard))
    await leg.close()
    assert len(heard.of(Reheard)) == 1


async def test_audio_goes_on_while_something_is_heard_again(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    ear.hold.clear()
    await leg.send_audio(tones(400))
    await leg.send_audio(bytes(2 * 16_000 * 13))
    await until(lambda: ear.clips)
    await leg.send_audio(tones(500, 600))
    await until(lambda: len(heard.finals) == 3)
    ear.hold.set()
    await leg.close()
    assert len(heard.of(Reheard)) == 3


async def test_an_ear_that_breaks_leaves_the_first_hearing(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    ear.error = EngineError("no memory")
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400, 500))
    await leg.close()
    assert len(heard.finals) == 2
    assert not heard.of(Reheard)


async def test_an_ear_that_never_answers_holds_the_end_up_only_so_long(
    inner: EnergyEngine, ear: Tones, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearing, "FINISHING", 0.05)
    ear.hold.clear()
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400))
    await leg.close()
    assert len(heard.finals) == 1
    assert not heard.of(Reheard)


async def test_closing_in_the_callback_returns_at_once(inner: EnergyEngine, ear: Tones) -> None:
    seen: list[EngineEvent] = []

    async def hear(event: EngineEvent) -> None:
        seen.append(event)
        if isinstance(event, Result) and event.is_final:
            await leg.close()

    leg = await open_leg(wrap(inner, ear), hear)
    await leg.send_audio(tones(400))
    await until(lambda: any(isinstance(event, Reheard) for event in seen))
    await leg.close()
    assert not leg.is_connected


async def test_what_a_more_exact_engine_said_is_not_corrected_by_a_lesser_one(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    leg.hear(TakenOver("deepgram", EngineError("full")))
    await leg.send_audio(tones(400))
    await until(lambda: heard.finals)
    leg.hear(Listening("whisper"))
    await leg.send_audio(tones(500))
    await leg.close()
    assert len(heard.finals) == 2
    assert [again.result.text for again in heard.of(Reheard)] == [heard.finals[1].text.upper()]


async def test_vocabulary_reaches_both(inner: EnergyEngine, ear: Tones, heard: Heard) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.set_keyterms(("Nunavut",))
    assert inner.connections[-1].keyterms == ("Nunavut",)
    await leg.finalize()
    assert inner.connections[-1].finalized == 1
    await leg.close()
    assert leg.callback_errors == 0


async def test_deepgram_s_requests_hear_the_final_alone(heard: Heard) -> None:
    inner, ear = EnergyEngine(name="deepgram"), Tones()
    engine = RehearingEngine(inner, [Hearer(ear, "deepgram_rest", "deepgram")], {"*": 1.0})
    leg = await open_leg(engine, heard)
    await leg.send_audio(tones(400, 500, 600, gap=1.5))
    await leg.close()
    assert [again.by for again in heard.of(Reheard)] == ["deepgram_rest"] * 3
    assert all(len(clip) < 2 * 16_000 for clip in ear.clips)


async def test_deepgram_s_requests_hear_what_was_guessed_with_what_is_said_behind_it(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "GUESSED", 1.0)
    inner, ear = EnergyEngine(name="deepgram"), Tones()
    engine = RehearingEngine(inner, [Hearer(ear, "deepgram_rest", "deepgram")], {"*": 1.0})
    leg = await open_leg(engine, heard)
    await leg.send_audio(tones(400, 500, 600, gap=1.5))
    await leg.close()
    first, second, last = (len(clip) for clip in ear.clips)
    assert first > second > last
    texts = [final.text.upper() for final in heard.finals]
    assert [again.result.text for again in heard.of(Reheard)] == texts


async def test_where_the_first_ear_is_away_the_next_one_hears(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    away = Tones()
    away.error = EngineError("away")
    both = [Hearer(away, "deepgram_rest", "deepgram"), Hearer(ear, "whisper")]
    leg = await open_leg(RehearingEngine(inner, both, {"*": 1.0}), heard)
    await leg.send_audio(tones(400, 500, 600))
    await leg.close()
    assert [again.by for again in heard.of(Reheard)] == ["whisper"] * 3
    assert len(away.clips) == 1
    assert max(map(len, ear.clips)) > 2 * 16_000  # in company


async def test_audio_may_come_while_the_tape_is_read(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    leg = await open_leg(wrap(inner, ear), heard)
    audio = tones(*range(400, 1000, 20))
    for at in range(0, len(audio), 320):
        await leg.send_audio(audio[at : at + 320])
        if at % 3200 == 0:
            await asyncio.sleep(0)
    await leg.close()
    texts = {final.text.upper() for final in heard.finals}
    assert {again.result.text for again in heard.of(Reheard)} <= texts
    assert len(heard.of(Reheard)) >= 5


@pytest.mark.parametrize(("below", "told"), [(0.95, 1), (1.0, 0)])
async def test_a_second_hearing_that_agrees_is_told_where_it_is_sure(
    inner: EnergyEngine, ear: Tones, heard: Heard, below: float, told: int
) -> None:
    ear.capitals = False
    leg = await open_leg(wrap(inner, ear, below=below), heard)
    await leg.send_audio(tones(400))
    await leg.close()
    assert len(heard.of(Reheard)) == told


async def test_a_bug_in_here_costs_no_final(
    inner: EnergyEngine, ear: Tones, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rehearing.Choice, "add", broken)
    monkeypatch.setattr(rehearing.Choice, "take", broken)
    leg = await open_leg(wrap(inner, ear), heard)
    await leg.send_audio(tones(400, 500))
    await leg.close()
    assert len(heard.finals) == 2
    assert not inner.open_legs


async def test_behind_engines_that_take_over_every_word_stays_in_its_place(
    inner: EnergyEngine, ear: Tones, heard: Heard
) -> None:
    first = EnergyEngine(name="deepgram")
    ladder = [Rung(first, "deepgram", provider="deepgram"), Rung(inner, "whisper")]
    patience = Patience(takeover=0.01, first_delay=30.0, longest_delay=60.0, healthy=0.02)
    engine = RehearingEngine(
        ResilientEngine(ladder, patience), [Hearer(ear, "whisper")], {"*": 1.0}, "deepgram"
    )
    spoken = [400 + 40 * n for n in range(16)]
    audio = tones(*spoken)
    leg = await open_leg(engine, heard)
    for at in range(0, len(audio), 3200):
        if at == 3200 * 40:  # in the middle of the fifth tone
            (way,) = first.connections
            way.is_connected = False
            answer = way._callback(Lost(EngineError("broke", code="x", retryable=True)))
            if answer is not None:
                await answer
            await until(lambda: any(isinstance(event, TakenOver) for event in heard))
        await leg.send_audio(audio[at : at + 3200])
        await asyncio.sleep(0)
    await leg.close()
    places = {(final.start, final.end): final for final in heard.finals}
    assert heard.of(Reheard)
    for again in heard.of(Reheard):
        assert again.result.text == places[again.start, again.end].text.upper()
        places[again.start, again.end] = again.result
    words = sorted((w for final in places.values() for w in final.words), key=lambda w: w.start)
    assert [word.text.lower() for word in words] == [f"f{f}" for f in spoken]
    starts = [word.start for word in words]
    assert starts == pytest.approx([0.1 + 0.8 * n for n in range(16)], abs=0.05)
    by_first = [word for word in words if word.text.islower()]
    assert 2 <= len(by_first) <= 8  # what Deepgram said stays; what Whisper said was heard again
