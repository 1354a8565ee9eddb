"""Gaps are heard again from the audio that was kept of them; the engines hear tones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from msgspec.structs import replace

from callscribe.engines.base import (
    EngineEvent,
    Lost,
    Repaired,
    StreamOptions,
    TranscriptCallback,
    Unheard,
)
from callscribe.engines.resilient import Patience, ResilientEngine, Rung
from callscribe.engines.resilient.connection import ResilientConnection
from callscribe.engines.resilient.mending import Baffled, Mender, hear_again
from callscribe.engines.resilient.repair import Repairs
from callscribe.engines.resilient.tape import Tape
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.errors import EngineError
from callscribe.transcript import Result
from callscribe.voices import labels_of
from tests import speech
from tests.engines import hearing
from tests.engines.hearing import until
from tests.engines_for_tests import EnergyConnection, EnergyEngine, tones

pytestmark = pytest.mark.anyio

SPOKEN = [400 + 40 * n for n in range(20)]
"""One tone every 0.8 s."""
QUICK = Patience(
    takeover=0.01, first_delay=0.05, longest_delay=0.1, healthy=0.02, replay=2.0, in_memory=0.5
)


class Heard(hearing.Heard):
    @property
    def words(self) -> list[tuple[str, float]]:
        """All words by their time, those of repairs in their places."""
        finals = self.finals
        finals += [result for repaired in self.of(Repaired) for result in repaired.results]
        words = [(word.text, word.start) for final in finals for word in final.words]
        return sorted(words, key=lambda word: word[1])


@pytest.fixture
def first() -> EnergyEngine:
    return EnergyEngine(name="deepgram")


@pytest.fixture
def repairer() -> EnergyEngine:
    return EnergyEngine(name="repairer")


async def lose(engine: EnergyEngine, at: int = -1) -> None:
    inner = engine.connections[at]
    inner.is_connected = False
    engine.open_legs -= 1
    answer = inner._callback(Lost(EngineError("broke", code="x", retryable=True)))
    if answer is not None:
        await answer


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def with_an_outage(
    first: EnergyEngine,
    repairer: EnergyEngine,
    heard: Heard,
    back_at: float = 12.0,
    hear: TranscriptCallback | None = None,
) -> tuple[ResilientConnection, bytes]:
    """A leg whose engine was away for longer than its audio is played again, and is back."""
    engine = ResilientEngine([Rung(first, "first", pace=50)], QUICK, [Rung(repairer, "repairer")])
    leg = await engine.transcribe_streaming("s", "fr", 16_000, hear or heard)
    audio = tones(*SPOKEN)
    second = 32_000
    await leg.send_audio(audio[: 4 * second])
    most, first.max_legs = first.max_legs, 0
    await lose(first)
    back = int(back_at * 16_000) * 2
    for at in range(4 * second, back, 3200):
        await leg.send_audio(audio[at : min(at + 3200, back)])
        await asyncio.sleep(0.001)
    first.max_legs = most
    await until(lambda: heard.of(Unheard))
    return leg, audio[back:]


@pytest.mark.parametrize("back_at", [12.0, 11.85])  # two seconds before it is quiet, or is not
async def test_a_gap_is_repaired_while_the_call_goes_on(
    first: EnergyEngine, repairer: EnergyEngine, back_at: float
) -> None:
    heard = Heard()
    leg, rest = await with_an_outage(first, repairer, heard, back_at)
    await until(lambda: heard.of(Repaired))
    await leg.send_audio(rest)
    await until(lambda: leg._tape.first >= leg._core.settled - 16_000)  # nothing is kept any more
    await leg.close()
    (gap,), (repaired,) = heard.of(Unheard), heard.of(Repaired)
    assert isinstance(gap, Unheard)
    assert isinstance(repaired, Repaired)
    assert (repaired.start, repaired.end) == (gap.start, gap.end)
    assert gap.end - gap.start > 4
    assert [text for text, _ in heard.words] == [f"f{f}" for f in SPOKEN]
    starts = [start for _, start in heard.words]
    assert starts == pytest.approx([0.1 + 0.8 * n for n in range(20)], abs=0.02)
    assert repairer.options is not None
    assert not repairer.options.streaming
    assert repairer.open_legs == 0


async def test_real_speech_is_repaired_by_whisper(first: EnergyEngine) -> None:
    rate, samples = speech.leg("fr", "agent")
    audio = samples[: 16 * rate].astype("<i2").tobytes()
    whisper = WhisperTranscriptionService(lambda: resolve_model("base", speech.MODELS), max_legs=1)
    heard = Heard()
    engine = ResilientEngine([Rung(first, "first", pace=50)], QUICK, [Rung(whisper, "whisper")])
    leg = await engine.transcribe_streaming("s", "fr", rate, heard)
    most, first.max_legs = first.max_legs, 0
    await lose(first)
    for at in range(0, len(audio), 32_000):
        await leg.send_audio(audio[at : at + 32_000])
    first.max_legs = most
    async with asyncio.timeout(60):
        while not heard.of(Repaired):
            await asyncio.sleep(0.05)
    await leg.close()
    await whisper.close()
    (repaired,) = heard.of(Repaired)
    assert isinstance(repaired, Repaired)
    inside = [u for u in speech.script("fr") if u.speaker == "agent" and u.end < repaired.end]
    text = " ".join(result.text for result in repaired.results)
    assert len(inside) >= 2
    assert speech.recall(" ".join(u.text for u in inside), text) > 0.7, text
    assert abs(repaired.results[0].start - inside[0].start) < 0.5


async def test_tried_again_while_the_leg_ends(first: EnergyEngine, repairer: EnergyEngine) -> None:
    heard = Heard()
    repairer.fail_sending = True
    leg, rest = await with_an_outage(first, repairer, heard)
    await leg.send_audio(rest)
    await until(lambda: len(repairer.connections) > 1)
    closing = asyncio.create_task(leg.close())
    await asyncio.sleep(0.1)
    assert not closing.done()
    assert not heard.of(Repaired)
    repairer.fail_sending = False
    await closing
    assert len(heard.of(Repaired)) == 1
    assert [text for text, _ in heard.words] == [f"f{f}" for f in SPOKEN]
    assert repairer.open_legs == 0


class OneVoice(EnergyEngine):
    """Numbers voices: all that a connection hears is said by its voice 0."""

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> EnergyConnection:
        def tell(event: EngineEvent) -> Awaitable[None] | None:
            if isinstance(event, Result):
                words = tuple(word.labelled("0") for word in event.words)
                event = replace(event, words=words)
            return on_transcript(event)

        return await super().transcribe_streaming(
            session_id, language, sample_rate, tell, options=options
        )


async def test_a_repair_does_not_say_who_speaks_by_numbers_of_its_own() -> None:
    heard = Heard()
    leg, rest = await with_an_outage(OneVoice(name="deepgram"), OneVoice(name="repairer"), heard)
    await leg.send_audio(rest)
    await leg.close()
    (repaired,) = heard.of(Repaired)
    assert isinstance(repaired, Repaired)
    mended = {label for result in repaired.results for label in labels_of(result)}
    said = {label for e in heard if isinstance(e, Result) for label in labels_of(e)}
    assert len(mended) == 1
    assert "0" in said
    assert not mended & said


async def test_what_was_repaired_of_a_long_gap_is_kept_when_the_leg_ends(
    first: EnergyEngine, repairer: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.engines.resilient.connection.REPAIRING", 0.3)
    monkeypatch.setattr("callscribe.engines.resilient.repair.PART", 4.5)
    heard = Heard()

    def hear(event: EngineEvent) -> None:
        heard(event)
        repairer.fail_sending = repairer.fail_sending or isinstance(event, Repaired)

    leg, rest = await with_an_outage(first, repairer, heard, hear=hear)
    await leg.send_audio(rest)
    await until(lambda: len(repairer.connections) > 2)
    await leg.close()
    (gap,), (repaired,) = heard.of(Unheard), heard.of(Repaired)
    assert isinstance(gap, Unheard)
    assert isinstance(repaired, Repaired)
    assert repaired.start == gap.start
    assert gap.start + 2 < repaired.end < gap.end - 1
    there = [0.25 + 0.8 * n for n in range(20)]
    there = [at for at in there if not repaired.end < at < gap.end]
    assert [start for _, start in heard.words] == pytest.approx(
        [at - 0.15 for at in there], abs=0.02
    )


async def test_what_cannot_be_repaired_stays_a_gap(
    first: EnergyEngine, repairer: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.engines.resilient.connection.REPAIRING", 0.3)
    heard = Heard()
    repairer.max_legs = 0
    leg, rest = await with_an_outage(first, repairer, heard)
    await leg.send_audio(rest)
    async with asyncio.timeout(5):
        await leg.close()
    assert len(heard.of(Unheard)) == 1
    assert not heard.of(Repaired)


async def test_a_leg_that_ends_does_not_wait_for_who_hangs(
    first: EnergyEngine, repairer: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.engines.resilient.connection.REPAIRING", 0.2)
    heard = Heard()
    repairer.opening_delay = 60.0
    leg, _ = await with_an_outage(first, repairer, heard)
    async with asyncio.timeout(5):
        await leg.close()
    assert not heard.of(Repaired)


async def test_live_audio_comes_first(repairer: EnergyEngine) -> None:
    tape = Tape(16_000, 2, memory=60.0, most=60.0)
    tape.append(tones(*SPOKEN))
    told = Heard()
    repairs = Repairs([Rung(repairer, "repairer")], 16_000, QUICK, lambda: 1.0)

    async def enter(_: Rung, hear: TranscriptCallback) -> EnergyConnection:
        return await repairer.transcribe_streaming("s", "fr", 16_000, hear)

    mender = Mender(repairs, tape, enter, told, lambda: None)
    mender.add(Unheard(0.0, 10.0, "nobody listened"))
    async with asyncio.TaskGroup() as tasks:
        mender.look(tasks, calm=False)
        await settled()
        assert not repairer.connections
        assert mender.deadline is None
        mender.look(tasks, calm=True)
        while not (repairer.connections and repairer.connections[0]._audio):
            await asyncio.sleep(0)
        mender.look(tasks, calm=False)
        await settled()
        sent = len(repairer.connections[0]._audio)
        await settled()
        assert len(repairer.connections[0]._audio) == sent < 10 * 32_000
        mender.look(tasks, calm=True)
        await until(lambda: told)
    (repaired,) = told
    assert isinstance(repaired, Repaired)
    assert repaired.results[0].text.startswith("f400")


async def test_without_a_repairer_nothing_is_kept_longer(first: EnergyEngine) -> None:
    heard = Heard()
    engine = ResilientEngine([Rung(first, "first", pace=50)], QUICK)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, heard)
    first.max_legs = 0
    await lose(first)
    for _ in range(100):
        await leg.send_audio(bytes(3200))
    first.max_legs = 9
    await until(lambda: heard.of(Unheard))
    await until(lambda: leg._tape.first >= leg._core.settled - 16_000)
    await leg.close()
    assert not heard.of(Repaired)


async def pieces(*given: bytes) -> list[bytes]:
    return [*given, b""]


async def test_an_engine_that_makes_nothing_of_it() -> None:
    engine, left = EnergyEngine(), await pieces(tones(400))

    async def enter(hear: object) -> EnergyConnection:
        connection = await engine.transcribe_streaming("s", "fr", 16_000, hear)  # type: ignore[arg-type]
        hear(Unheard(0.0, 0.5, "the recogniser failed"))  # type: ignore[operator]
        return connection

    async def piece() -> bytes:
        return left.pop(0)

    with pytest.raises(Baffled):
        await hear_again(enter, piece)
    assert engine.open_legs == 0


async def test_an_engine_that_is_lost_over_it() -> None:
    engine, left = EnergyEngine(), await pieces(tones(400))
    engine.fail_closing = True

    async def enter(hear: object) -> EnergyConnection:
        return await engine.transcribe_streaming("s", "fr", 16_000, hear)  # type: ignore[arg-type]

    async def piece() -> bytes:
        return left.pop(0)

    with pytest.raises(EngineError) as raised:
        await hear_again(enter, piece)
    assert raised.value.retryable
    assert engine.open_legs == 0
