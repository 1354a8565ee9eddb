"""What a leg wants decoded, and what an utterance's final covers. Imports its own room only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from callscribe.audio import FloatArray
from callscribe.engines.whisper.decoder import Hypothesis, Window

if TYPE_CHECKING:
    from callscribe.engines.whisper.stream import LegStream


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
    ended: bool = False
    """False: decoded on suspicion during a pause, the utterance may go on."""
    endpoint: bool = True
    """False: cut because it grew too long; the utterance goes on."""
    hypothesis: Hypothesis | None = None
    running: bool = False
    stale: bool = False
    """The utterance went on while this was being decoded."""
    forced: bool = False


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
    """The leg's language is not known yet: detect it before decoding."""
    context: FloatArray = field(default_factory=no_audio)
    """What the same voice said before the window."""
    hard: bool = False
    """The leg is hard to hear: its finals deserve a second opinion from the start."""
