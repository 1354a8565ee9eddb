"""What stands in Deepgram's place may be had without a memory."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.forgetful import forget
from callscribe.engines.whisper.intake import Intake
from callscribe.engines.whisper.memory import Memory
from callscribe.transcript import Word


def test_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (Word("bonjour", 0.1, 0.6, 0.9),)

    def memory() -> Memory:
        intake = Intake(16_000, lambda _: 1.0)
        list(intake.take(np.ones(16_000, np.int16).tobytes(), 0.0))
        found = Memory(intake)
        found.remember(words, -0.05)
        return found

    assert memory().context.size > 0
    monkeypatch.setattr(Memory, "remember", Memory.remember)  # put back afterwards
    forget()
    assert memory().context.size == 0
