"""What is settled stays settled: no final brings words from before what was told to be over."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callscribe.engines.base import EngineEvent, Silent
from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.jobs import Job
from callscribe.engines.whisper.stream import LegStream
from callscribe.transcript import Result, Word
from callscribe.vad import EndpointRules
from tests.engines.whisper.test_stream import RATE, final, heard, hush, stream, tone

NEAR = 0.05


def model(samples: NDArray[np.float32]) -> float:
    """Hears what is loud, half hears what is less so; not what only stands out of the noise."""
    loudest = float(np.abs(samples).max())
    return 0.95 if loudest > 0.1 else 0.35 if loudest > 0.05 else 0.01


PIECES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.02, 0.07, 0.3]),  # how loud
        st.floats(0.02, 3.0),  # for how long
        st.sampled_from(["", "", "", "finalize", "decode"]),  # and what happens then
        st.sampled_from(["un deux trois.", "un deux", "", "broken"]),
    ),
    min_size=1,
    max_size=25,
)


class Played:
    """A leg that is fed pieces; what it told, in order."""

    def __init__(self) -> None:
        self.leg: LegStream = stream(detect=model)
        self.told: list[EngineEvent] = []
        self.jobs: list[Job] = []

    def feed(self, level: float, seconds: float) -> None:
        samples = 32_000 * level * np.sin(np.arange(round(seconds * RATE)) * 0.2)
        self.told += self.leg.feed(samples.astype("<i2").tobytes(), self.leg.heard)
        if not self.jobs and (job := self.leg.final_job(beam=1, padding=6.0)) is not None:
            self.jobs.append(job)

    def decode(self, words: str) -> None:
        """What was given to the decoder comes back, perhaps long after."""
        if self.jobs:
            job = self.jobs.pop()
            found: Hypothesis | None = None if words == "broken" else heard(job, words)
            self.told += self.leg.accept(job, found, self.leg.heard)

    def end(self) -> None:
        self.leg.finish(self.leg.heard)
        while not self.leg.idle or self.jobs:
            self.decode("fin")
            if (job := self.leg.final_job(beam=1, padding=6.0)) is not None:
                self.jobs.append(job)
            self.told += self.leg.ready(self.leg.heard)


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_no_final_has_words_from_before_what_was_settled(
    pieces: list[tuple[float, float, str, str]],
) -> None:
    played = Played()
    for level, seconds, then, words in pieces:
        played.feed(level, seconds)
        if then == "finalize":
            played.leg.finalize()
        elif then == "decode":
            played.decode(words)
        played.told += played.leg.ready(played.leg.heard)
    played.end()
    settled = 0.0
    for event in played.told:
        if isinstance(event, Silent):
            assert event.until > settled
            assert event.until <= played.leg.heard
            settled = event.until
        elif isinstance(event, Result) and event.is_final:
            assert all(word.start >= settled - NEAR for word in event.words)
            assert event.until is not None
            assert event.until >= settled
            settled = event.until


def test_a_final_settles_the_silence_behind_its_words_too() -> None:
    leg = stream()
    leg.feed(hush(1.0) + tone(2.0) + hush(1.0), 4.0)
    job = final(leg)
    (result,) = leg.accept(job, heard(job, "un deux trois"), 4.1)
    assert isinstance(result, Result)
    assert result.until is not None
    assert 3.0 < result.until < 3.6
    assert result.until >= result.end


def test_a_sentence_that_stands_settles_all_up_to_the_next_one() -> None:
    leg = stream()
    leg.feed(tone(3.0) + hush(0.35), 3.4)
    early = final(leg)
    leg.feed(tone(1.0), 4.4)
    (sentence,) = leg.accept(early, heard(early, "un deux trois."), 4.5)
    assert isinstance(sentence, Result)
    assert sentence.is_final
    leg.feed(hush(1.0), 5.4)
    assert final(leg).offset == sentence.until


def test_silence_is_told_about_once_a_second_and_only_while_nobody_is_waited_for() -> None:
    leg = stream()
    told: list[EngineEvent] = []
    for _ in range(600):
        told += leg.feed(hush(0.02), leg.heard)
    times = [event.until for event in told if isinstance(event, Silent)]
    assert len(told) == len(times) == 10
    assert 9.0 < times[-1] < 12.0 - EndpointRules().reach
    leg.feed(tone(1.0), leg.heard)
    waiting = [leg.feed(hush(0.02), leg.heard) for _ in range(300)]
    assert not any(waiting)  # its final is not there yet
    job = final(leg)
    leg.accept(job, Hypothesis("un", (Word("un", 0.3, 0.6, 0.9),), 0, 0, "fr", 1, False), 20.0)
    (silent,) = leg.feed(hush(0.02), leg.heard)
    assert isinstance(silent, Silent)
    assert silent.until > 16.0
