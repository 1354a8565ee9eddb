"""What a voice said last."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.whisper.intake import Intake
from callscribe.engines.whisper.jobs import CONTEXT, GAP
from callscribe.engines.whisper.memory import LEAD, Memory
from callscribe.transcript import Word
from tests.engines.whisper.test_stream import tone, voice

WORDS = [Word(f"w{n}", n * 1.0, n * 1.0 + 0.8, 0.9) for n in range(10)]


@pytest.fixture
def intake() -> Intake:
    intake = Intake(16_000, voice)
    list(intake.take(tone(12.0), 0.0))
    return intake


def seconds(audio: np.ndarray) -> float:
    return len(audio) / 16_000


def test_the_last_words_are_kept_whole(intake: Intake) -> None:
    memory = Memory(intake)
    memory.remember(WORDS, -0.1)
    assert CONTEXT - 1.0 < seconds(memory.context) <= CONTEXT + 0.1
    before = memory.before(11.0, (), first=True)
    assert LEAD - 1.0 < seconds(before) - GAP <= LEAD + 0.1
    assert not before[-int(GAP * 16_000) :].any()
    assert not len(memory.before(11.0, (), first=False))


def test_what_left_the_window_goes_before_it(intake: Intake) -> None:
    memory = Memory(intake)
    before = memory.before(5.0, WORDS[:5], first=False)
    assert np.array_equal(before, intake.slice(2.97, 5.0))


def test_what_was_hardly_understood_is_no_context_but_makes_the_leg_hard(intake: Intake) -> None:
    memory = Memory(intake)
    assert not memory.hard
    memory.remember(WORDS, -2.0)
    assert memory.hard
    assert not len(memory.context)
    for _ in range(5):
        memory.remember(WORDS, -0.05)
    assert not memory.hard
    assert len(memory.context)
