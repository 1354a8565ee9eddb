"""The endpointer counts audio; these tests feed it chunks, no sound."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callscribe.vad import (
    CHUNK,
    CHUNK_SECONDS,
    Chunk,
    Endpointer,
    EndpointRules,
    SpeechDetector,
    Turn,
)

SPEECH = Chunk(0.9, -20.0, 40.0)
LIKELY = Chunk(0.4, -30.0, 30.0)
FAINT = Chunk(0.05, -30.0, 30.0)
SILENCE = Chunk(0.0, -70.0, 1.0)


def run(endpointer: Endpointer, *parts: tuple[Chunk, float]) -> list[tuple[Turn, float]]:
    """Pushes each chunk for its seconds; what was decided, and when."""
    decided = []
    for chunk, seconds in parts:
        for _ in range(round(seconds / CHUNK_SECONDS)):
            turn = endpointer.push(chunk)
            if turn is not Turn.NOTHING:
                decided.append((turn, endpointer.now))
    return decided


def test_an_utterance_opens_pauses_and_ends() -> None:
    rules = EndpointRules()
    endpointer = Endpointer(rules)
    decided = run(endpointer, (SILENCE, 1.0), (SPEECH, 2.0), (SILENCE, 1.5))
    assert [turn for turn, _ in decided] == [Turn.OPENED, Turn.PAUSED, Turn.ENDED]
    ended = decided[-1][1]
    assert abs(ended - endpointer.speech_end - rules.endpoint) < 2 * CHUNK_SECONDS
    assert endpointer.start <= 1.0 - rules.preroll + 2 * CHUNK_SECONDS


def test_speech_after_a_pause_goes_on_with_the_utterance() -> None:
    decided = run(
        Endpointer(EndpointRules()), (SPEECH, 1.0), (SILENCE, 0.32), (SPEECH, 1.0), (SILENCE, 1.0)
    )
    assert [turn for turn, _ in decided] == [
        Turn.OPENED,
        Turn.PAUSED,
        Turn.RESUMED,
        Turn.PAUSED,
        Turn.ENDED,
    ]


def test_one_loud_click_opens_nothing() -> None:
    assert run(Endpointer(EndpointRules()), (SILENCE, 1.0), (FAINT, 0.5), (SILENCE, 1.0)) == []


def test_the_utterance_reaches_back_over_sound_that_the_model_did_not_hear() -> None:
    endpointer = Endpointer(EndpointRules())
    run(endpointer, (SILENCE, 2.0), (FAINT, 0.8), (SPEECH, 1.0))
    assert endpointer.start < 2.0


def test_it_reaches_back_over_the_moments_between_words_and_no_further() -> None:
    endpointer = Endpointer(EndpointRules())
    run(endpointer, (SILENCE, 2.0), (FAINT, 0.32), (SILENCE, 0.32), (FAINT, 0.16), (SPEECH, 1.0))
    assert 1.6 < endpointer.start < 2.0

    endpointer = Endpointer(EndpointRules())
    run(endpointer, (SILENCE, 2.0), (FAINT, 0.16), (SILENCE, 0.48), (FAINT, 0.16), (SPEECH, 1.0))
    assert 2.2 < endpointer.start < 2.64

    endpointer = Endpointer(EndpointRules())
    run(endpointer, (SILENCE, 1.0), (FAINT, 0.16), (SILENCE, 0.48), (Chunk(0.9, -60.0, 5.0), 1.0))
    assert 1.3 < endpointer.start < 1.64


def test_a_level_alone_does_not_keep_an_utterance_open_for_ever() -> None:
    endpointer = Endpointer(EndpointRules())
    decided = run(endpointer, (SPEECH, 1.0), (FAINT, 6.0))
    assert decided[-1][0] is Turn.ENDED


def test_long_speech_is_cut_and_goes_on() -> None:
    rules = EndpointRules(longest=5.0)
    endpointer = Endpointer(rules)
    decided = run(endpointer, (SPEECH, 11.0), (SILENCE, 1.0))
    assert [t for t, _ in decided].count(Turn.OVERFLOWED) == 2
    assert decided[-1][0] is Turn.ENDED


def test_the_longer_an_utterance_the_shorter_the_pause_that_ends_it() -> None:
    rules = EndpointRules()
    silences = [rules.endpoint_after(seconds) for seconds in (1.0, 8.0, 16.0, rules.longest, 60.0)]
    assert silences == sorted(silences, reverse=True)
    assert silences[0] == rules.endpoint
    assert silences[-1] == rules.hurried_endpoint


def test_flush_ends_what_is_open_once() -> None:
    endpointer = Endpointer(EndpointRules())
    assert not endpointer.flush()
    run(endpointer, (SPEECH, 1.0))
    assert endpointer.flush()
    assert not endpointer.flush()


@given(st.lists(st.tuples(st.sampled_from([SPEECH, LIKELY, FAINT, SILENCE]), st.floats(0.03, 3.0))))
def test_utterances_never_overlap_and_turns_come_in_order(
    parts: list[tuple[Chunk, float]],
) -> None:
    endpointer = Endpointer(EndpointRules(longest=6.0))
    last_end, was_open = 0.0, False
    for chunk, seconds in parts:
        for _ in range(round(seconds / CHUNK_SECONDS)):
            kept = endpointer.earliest
            turn = endpointer.push(chunk)
            if turn is Turn.OPENED:
                assert not was_open
                assert endpointer.start >= kept - 1e-9, "audio before that may be forgotten"
                assert endpointer.start >= last_end - 1e-9
                was_open = True
            elif turn in (Turn.ENDED, Turn.OVERFLOWED):
                assert was_open
                assert endpointer.start < endpointer.speech_end <= endpointer.now
                last_end, was_open = endpointer.speech_end, False
            elif turn in (Turn.PAUSED, Turn.RESUMED):
                assert was_open
            assert endpointer.earliest <= endpointer.now


def test_the_noise_floor_follows_the_line() -> None:
    detector = SpeechDetector(lambda _samples: 0.0)
    random = np.random.default_rng(1)
    hiss = (random.normal(0, 0.003, CHUNK) for _ in range(600))
    chunks = [detector(noise.astype(np.float32)) for noise in hiss]
    assert abs(chunks[-1].above_floor) < 3.0
    loud = detector(np.full(CHUNK, 0.3, np.float32))
    assert loud.above_floor > 30.0


def test_noise_that_came_with_a_voice_is_no_speech() -> None:
    detector = SpeechDetector(lambda _samples: 0.0)
    random = np.random.default_rng(1)
    for _ in range(60):
        detector(random.normal(0, 0.0005, CHUNK).astype(np.float32))
    # A microphone opens: syllables over its own hiss, then the hiss alone.
    for index in range(60):
        loud = 0.2 if index % 10 < 7 else 0.01
        syllable = detector(random.normal(0, loud, CHUNK).astype(np.float32))
    hiss = detector(random.normal(0, 0.01, CHUNK).astype(np.float32))
    assert hiss.above_floor < 3.0
    assert syllable.above_floor < 3.0  # the loop ends in a valley
    assert detector(random.normal(0, 0.2, CHUNK).astype(np.float32)).above_floor > 20.0


def test_digital_silence_has_a_level() -> None:
    chunk = SpeechDetector(lambda _samples: 0.0)(np.zeros(CHUNK, np.float32))
    assert chunk.level == -90.0
