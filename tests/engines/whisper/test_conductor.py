"""The conductor with real legs; a decoder that breaks is the only made-up part."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from callscribe.audio import FloatArray
from callscribe.engines.base import EngineEvent, Unheard
from callscribe.engines.silero import SileroModel
from callscribe.engines.whisper import conductor as module
from callscribe.engines.whisper.conductor import Conductor, Seat
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.finals import FINAL_PADDING
from callscribe.engines.whisper.stream import LegStream
from callscribe.transcript import Result
from callscribe.vad import Chunk, EndpointRules
from tests.speech import leg, recall, script


class Breaking:
    """The real decoder, until it is told to break."""

    def __init__(self, decoder: WhisperDecoder) -> None:
        self._decoder = decoder
        self.threads = decoder.threads
        self.broken = False
        self.stumbles = 0
        self.asked: list[list[Window]] = []

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        self.asked.append(list(windows))
        if self.broken or self.stumbles > 0:
            self.stumbles -= 1
            raise RuntimeError("out of memory")
        return self._decoder.decode(windows)


@pytest.fixture
def breaking(decoder: WhisperDecoder) -> Breaking:
    return Breaking(decoder)


@pytest.fixture
def conductor(breaking: Breaking) -> Iterator[Conductor]:
    running = Conductor(breaking)  # type: ignore[arg-type]
    yield running
    running.stop()


def seat(
    silero: SileroModel, rate: int = 16_000, unheard: list[Unheard] | None = None
) -> tuple[Seat, list[Result]]:
    results: list[Result] = []

    def deliver(found: list[EngineEvent]) -> None:
        results.extend(r for r in found if isinstance(r, Result))
        if unheard is not None:
            unheard.extend(u for u in found if isinstance(u, Unheard))

    stream = LegStream(
        sample_rate=rate,
        language="en",
        detect=silero.stream(),
        rules=EndpointRules(),
    )
    return Seat(stream, deliver), results


def said(results: list[Result]) -> str:
    return " ".join(r.text for r in results if r.is_final)


def agent(until: float) -> tuple[bytes, str]:
    rate, samples = leg("en", "agent")
    text = " ".join(u.text for u in script("en") if u.speaker == "agent" and u.end < until)
    return samples[: int(until * rate)].tobytes(), text


def test_five_legs_at_once_lose_no_final(conductor: Conductor, silero: SileroModel) -> None:
    pcm, text = agent(12.0)
    seats = [seat(silero) for _ in range(5)]
    for place, _ in seats:
        conductor.join(place)
    assert conductor.legs == 5
    for at in range(0, len(pcm), 6400):
        for place, _ in seats:
            conductor.hear(place, pcm[at : at + 6400])
    for place, _ in seats:
        conductor.leave(place).result(timeout=60)
    assert conductor.legs == 0
    for _, results in seats:
        assert recall(text, said(results)) > 0.7


def test_a_decoder_that_breaks_costs_its_words_and_says_so(
    conductor: Conductor, breaking: Breaking, silero: SileroModel
) -> None:
    pcm, text = agent(12.0)
    unheard: list[Unheard] = []
    place, results = seat(silero, unheard=unheard)
    conductor.join(place)
    breaking.broken = True
    conductor.hear(place, pcm)
    conductor.finalize(place)
    deadline = time.monotonic() + 20
    while not any(r.is_final for r in results) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert said(results).strip() == ""
    assert unheard
    assert unheard[0].end > unheard[0].start
    breaking.broken = False
    assert not results[0].text
    conductor.hear(place, bytes(32_000) + pcm)
    conductor.leave(place).result(timeout=60)
    assert recall(text, said(results)) > 0.6


def test_a_decoder_that_breaks_once_is_asked_again(
    conductor: Conductor, breaking: Breaking, silero: SileroModel
) -> None:
    pcm, text = agent(5.0)
    unheard: list[Unheard] = []
    place, results = seat(silero, unheard=unheard)
    conductor.join(place)
    breaking.stumbles = 1
    conductor.hear(place, pcm)
    conductor.leave(place).result(timeout=60)
    assert recall(text, said(results)) > 0.6
    assert not unheard


def test_half_a_sample_on_one_leg_does_not_reach_another(
    conductor: Conductor, silero: SileroModel
) -> None:
    pcm, text = agent(12.0)
    (good, results), (bad, _) = seat(silero), seat(silero)
    conductor.join(good)
    conductor.join(bad)
    conductor.hear(bad, b"\x00\x01\x02")
    conductor.hear(good, pcm)
    conductor.leave(good).result(timeout=60)
    conductor.leave(bad).result(timeout=60)
    assert recall(text, said(results)) > 0.7


def test_a_leg_that_cannot_be_ended_leaves_all_the_same(
    conductor: Conductor, silero: SileroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm, _ = agent(3.0)
    place, _ = seat(silero)
    conductor.join(place)
    conductor.hear(place, pcm)

    def fail(_arrived: float) -> None:
        raise RuntimeError("no memory for the last window")

    monkeypatch.setattr(place.stream, "finish", fail)
    conductor.leave(place).result(timeout=20)
    assert conductor.legs == 0


def test_audio_that_cannot_be_taken_in_is_a_gap_and_the_clock_goes_on(
    conductor: Conductor, silero: SileroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate, samples = leg("en", "agent")
    told = [u for u in script("en") if u.speaker == "agent"][:2]
    end = told[1].end + 0.5
    pcm = samples[: int(end * rate)].tobytes()
    unheard: list[Unheard] = []
    place, results = seat(silero, rate, unheard)
    judge, judged = place.stream._intake._detector, 0

    def failing(chunk: FloatArray) -> Chunk:
        nonlocal judged
        judged += 1
        if judged == 10:
            raise RuntimeError("no memory for the network")
        return judge(chunk)

    monkeypatch.setattr(place.stream._intake, "_detector", failing)
    conductor.join(place)
    for at in range(0, len(pcm), rate):  # half a second at a time
        conductor.hear(place, pcm[at : at + rate])
    conductor.leave(place).result(timeout=60)
    (gap,) = unheard
    assert gap.start == pytest.approx(0.29, abs=0.01)
    assert gap.end == pytest.approx(0.5, abs=0.04)
    last = [r for r in results if r.is_final and r.words][-1]
    assert last.words[-1].end == pytest.approx(told[1].end, abs=0.5)
    assert place.stream.heard == pytest.approx(end, abs=0.01)
    assert abs(place.stream._point.now - place.stream.heard) < 0.05


def test_stopping_lets_those_who_wait_go(breaking: Breaking, silero: SileroModel) -> None:
    conductor = Conductor(breaking)  # type: ignore[arg-type]
    place, _ = seat(silero)
    conductor.join(place)
    conductor.stop()
    assert place.done.cancelled()
    assert not any(t.name == "whisper-conductor" for t in threading.enumerate())


def at_pace(
    conductor: Conductor, silero: SileroModel, legs: int, pace: float
) -> list[list[Result]]:
    """Plays the same ten seconds on so many legs; what came back on each."""
    pcm, _ = agent(10.0)
    seats = [seat(silero) for _ in range(legs)]
    for place, _ in seats:
        conductor.join(place)
    for at in range(0, len(pcm), 3200):
        for place, _ in seats:
            conductor.hear(place, pcm[at : at + 3200])
        time.sleep(0.1 / pace)
    for place, _ in seats:
        conductor.leave(place).result(timeout=60)
    return [results for _, results in seats]


def test_under_load_interims_come_less_often_and_every_final_comes(
    conductor: Conductor, silero: SileroModel
) -> None:
    (alone,) = at_pace(conductor, silero, 1, 3.0)
    crowd = at_pace(conductor, silero, 6, 3.0)
    few = [sum(not r.is_final for r in results) for results in crowd]
    assert sum(few) / len(few) < sum(not r.is_final for r in alone)
    _, text = agent(10.0)
    for results in [alone, *crowd]:
        assert recall(text, said(results)) > 0.7
    assert conductor.backlog == 0.0


def test_far_behind_finals_are_decoded_together_and_with_less_search(
    conductor: Conductor,
    breaking: Breaking,
    silero: SileroModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HURRY", -1.0)
    crowd = at_pace(conductor, silero, 3, 8.0)
    finals = [w for batch in breaking.asked for w in batch if w.padding == FINAL_PADDING / 2]
    assert finals
    assert {w.beam for w in finals} == {1}
    _, text = agent(10.0)
    for results in crowd:
        assert recall(text, said(results)) > 0.6


def test_a_replay_lets_the_others_be_heard(conductor: Conductor, silero: SileroModel) -> None:
    """Ten minutes at once on one leg: what the other says meanwhile is taken in between."""
    pcm, _ = agent(10.0)
    replay, _ = seat(silero)
    live, _ = seat(silero)
    conductor.join(replay)
    conductor.join(live)
    for _ in range(600):
        conductor.hear(replay, bytes(32_000))
    conductor.hear(live, pcm[:3200])
    deadline = time.monotonic() + 20
    while live.waiting and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not live.waiting
    assert replay.waiting > 400
    for place in (replay, live):
        conductor.leave(place).result(timeout=60)
    assert replay.stream.heard == pytest.approx(600.0)
