"""What a leg wants decoded, and what an utterance's final covers. Imports its own room only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import Hypothesis, Window
from callscribe.transcript import Word, join_text

if TYPE_CHECKING:
    from callscribe.engines.whisper.stream import LegStream


FADE: Final = 0.1
"""Seconds over which the end of a window is faded out."""
CONTEXT: Final = 3.5
"""Seconds of the voice's last utterance that are kept for a second opinion on the next."""
CONTEXT_SURE: Final = -1.2
"""What was understood less surely than this is hardly speech. Context is heard, not read: it helps
although its words were wrong."""
GAP: Final = 0.25
"""Seconds of silence between what was said before and a window that begins an utterance."""


def without_lead(found: Hypothesis, lead: float) -> Hypothesis:
    """What was found after the first ``lead`` seconds of the window; times from there."""
    if not lead:
        return found
    words = tuple(
        w.at(max(w.start - lead, 0.0), max(w.end - lead, 0.0))
        for w in found.words
        if (w.start + w.end) / 2 - lead >= -0.1
    )
    text = join_text(w.text for w in words)
    return replace(found, words=words, text=text, seconds=found.seconds - lead)


def ending(audio: FloatArray, words: Sequence[Word], seconds: float) -> FloatArray:
    """The audio of the last words, as many as begin within ``seconds`` of the end."""
    end = words[-1].end + 0.15
    first = next((w for w in words if w.start >= end - seconds), words[-1])
    return audio[max(int((first.start - 0.03) * RATE), 0) : int(end * RATE)]


def faded(audio: FloatArray) -> FloatArray:
    """The audio with its end faded out: where noise breaks off, the decoder hears a sound."""
    count = min(int(FADE * RATE), len(audio))
    out = audio.copy()
    out[len(out) - count :] *= np.linspace(1.0, 0.0, count, dtype=np.float32)
    return out


def no_audio() -> FloatArray:
    """No samples."""
    return np.empty(0, np.float32)


@dataclass(slots=True)
class Span:
    """An utterance, or the piece of one, that a final covers; leg seconds."""

    start: float
    end: float
    speech_end: float
    evidence: float
    generation: int
    """Which utterance of the leg this is, or is a piece of."""
    ended: bool = False
    """False: decoded on suspicion during a pause, the utterance may go on."""
    endpoint: bool = True
    """False: cut because it grew too long; the utterance goes on."""
    hypothesis: Hypothesis | None = None
    running: bool = False
    stale: bool = False
    """The utterance went on while this was being decoded."""
    forced: bool = False
    look: bool = False
    """The utterance goes on: this only makes its interim better."""
    failures: int = 0
    """How often the decoder broke over it."""
    until: float = 0.0
    """Once it is final: what comes next does not begin before."""


@dataclass(frozen=True, slots=True)
class Job:
    """A window to decode for one leg; ``offset`` is the window's first sample in leg seconds."""

    stream: LegStream
    kind: Literal["interim", "final"]
    window: Window
    offset: float
    evidence: float
    generation: int
    span: Span | None = None
    detect: bool = False
    """The language is not known yet: detect it before decoding."""
    context: FloatArray = field(default_factory=no_audio)
    """What the same voice said before the window."""
    lead: float = 0.0
    """Seconds at the window's head that are there to be heard, not to be written down."""
    hard: bool = False
    """The leg is hard to hear: its finals deserve a second opinion from the start."""

    def is_wanted(self) -> bool:
        """The utterance has not gone on since: what is found will be its final."""
        return self.span is None or not self.span.stale
