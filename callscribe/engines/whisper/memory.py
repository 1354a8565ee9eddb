"""What a leg's voice said last, kept as sound, and how surely its finals were understood.

May import ``audio``, ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.intake import Intake
from callscribe.engines.whisper.jobs import CONTEXT, CONTEXT_SURE, GAP, no_audio
from callscribe.transcript import Word

LEAD: Final = 2.0
"""Seconds of what the voice said before that an interim window begins with, for the ear only."""
HARD: Final = -0.25
"""A leg whose finals are less sure than this on the average is hard to hear."""


class Memory:
    """The end of what was understood well, to hear the next words behind it."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._lead = no_audio()
        self._sureness = 0.0
        """Mean log probability of the leg's finals, the newest counting most."""
        self.context = no_audio()
        """For a second opinion on the next final."""

    @property
    def hard(self) -> bool:
        """The leg is hard to hear."""
        return self._sureness < HARD

    def remember(self, words: Sequence[Word], log_probability: float) -> None:
        """Keeps the end of what was just understood, from a word's start, as context."""
        self._sureness += 0.6 * (log_probability - self._sureness)
        if not words or log_probability < CONTEXT_SURE:
            return
        self.context = self._ending(words, CONTEXT)
        gap = np.zeros(int(GAP * RATE), np.float32)
        self._lead = np.concatenate([self._ending(words, LEAD), gap])

    def before(self, start: float, settled: Sequence[Word], *, first: bool) -> FloatArray:
        """What the voice said before an interim window, from a word's beginning on.

        ``settled`` are the words of the utterance that left the window; ``first``: the utterance
        begins with the window.
        """
        near = [word.start for word in settled if word.start >= start - LEAD]
        if near:
            return self._intake.slice(near[0] - 0.03, start)
        return self._lead if first else no_audio()

    def _ending(self, words: Sequence[Word], seconds: float) -> FloatArray:
        """The audio of the last words, as many as begin within ``seconds`` of the end."""
        end = words[-1].end + 0.15
        first = next((w for w in words if w.start >= end - seconds), words[-1])
        return self._intake.slice(first.start - 0.03, end)
