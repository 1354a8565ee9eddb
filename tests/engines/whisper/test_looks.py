"""When an open utterance is looked at again."""

from __future__ import annotations

from callscribe.engines.whisper.looks import (
    LONGEST_LOOK,
    LOOK_EVERY,
    LOOK_EVERY_HARD,
    PAUSING,
    UNSURE,
    Looks,
)
from callscribe.vad import CHUNK_SECONDS, Chunk, Endpointer, EndpointRules, Turn

VOICE, SILENCE = Chunk(0.99, -20.0, 40.0), Chunk(0.0, -90.0, 0.0)


def spoken(seconds: float) -> Endpointer:
    """Somebody speaks from the first moment on."""
    point = Endpointer(EndpointRules())
    turns = [point.push(VOICE) for _ in range(int(seconds / CHUNK_SECONDS))]
    assert Turn.OPENED in turns
    return point


def test_all_that_was_heard_of_it_is_looked_at() -> None:
    point = spoken(3.0)
    span = Looks().begin(point, point.now, 7)
    assert span is not None
    assert (span.start, span.end, span.generation, span.look) == (point.start, point.now, 7, True)
    assert span.speech_end == point.now - UNSURE


def test_one_at_a_time_and_not_too_often() -> None:
    point, looks = spoken(3.0), Looks()
    assert looks.begin(point, point.now, 1) is not None
    later = spoken(3.0 + LOOK_EVERY + 0.1)
    assert looks.begin(later, later.now, 1) is None
    looks.end()
    soon = spoken(3.0 + LOOK_EVERY / 2)
    assert looks.begin(soon, soon.now, 1) is None
    assert looks.begin(later, later.now, 1) is not None


def test_a_voice_that_is_hard_to_hear_is_looked_at_sooner() -> None:
    point = spoken((LOOK_EVERY_HARD + LOOK_EVERY) / 2)
    assert Looks().begin(point, point.now, 1) is None
    assert Looks().begin(point, point.now, 1, hard=True) is not None


def test_not_when_it_is_short_long_over_or_about_to_be() -> None:
    short, long = spoken(LOOK_EVERY / 2), spoken(LONGEST_LOOK + 1)
    assert Looks().begin(short, short.now, 1) is None
    assert Looks().begin(long, long.now, 1) is None
    assert Looks().begin(Endpointer(EndpointRules()), 5.0, 1) is None
    pausing = spoken(3.0)
    while pausing.now - pausing.speech_end <= PAUSING:
        pausing.push(SILENCE)
    assert Looks().begin(pausing, pausing.now, 1) is None
