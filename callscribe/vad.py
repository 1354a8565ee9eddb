"""Is this frame speech, and where does an utterance begin and end.

``SpeechDetector`` looks at chunks of 32 ms: a model's probability, and the level against the noise
floor of the line. ``Endpointer`` counts audio seconds, never wall time, and decides: an utterance
opens, pauses, goes on, ends. Core: no I/O; imports nothing of ours.

The level is there because a model alone clips narrow-band telephone speech: it hears some syllables
of a voice and not others. It decides that there is speech; how far that speech reaches to both
sides is then also read from the level.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

CHUNK: Final = 512
"""Samples at 16 kHz that the detector takes at once (32 ms)."""

CHUNK_SECONDS: Final = CHUNK / 16_000

SILENCE_DB: Final = -90.0
LOWEST_FLOOR: Final = -72.0
FLOOR_RISE: Final = 0.02
"""How fast the noise floor may rise, dB a chunk: about 6 dB in 10 s."""
VALLEY: Final = 40
"""Chunks in which any voice pauses for breath or between syllables: the quietest of them is noise.
A microphone that opens with the voice brings noise that the line's slow floor does not know yet."""


class VoiceActivity(Protocol):
    """Gives the probability (0 to 1) that 512 samples at 16 kHz hold speech."""

    def __call__(self, samples: NDArray[np.float32], /) -> float:
        """The probability for the next chunk of a stream."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was found in 32 ms of audio."""

    probability: float
    """Of speech, 0 to 1."""
    level: float
    """Root mean square in dB below full scale."""
    above_floor: float
    """``level`` over the noise floor, dB; the line's, or the last second's if that is higher."""


class SpeechDetector:
    """Listens to one leg and follows the noise floor of its line."""

    def __init__(self, model: VoiceActivity) -> None:
        self._model = model
        self._floor = -55.0
        self._recent: deque[float] = deque(maxlen=VALLEY)

    def __call__(self, samples: NDArray[np.float32]) -> Chunk:
        """Judges the next 512 samples (16 kHz, -1 to 1)."""
        return self.judge(samples, float(self._model(samples)))

    def judge(self, samples: NDArray[np.float32], probability: float) -> Chunk:
        """The same where the model's ``probability`` is known already."""
        power = float(np.dot(samples, samples)) / CHUNK
        level = max(10.0 * float(np.log10(power + 1e-12)), SILENCE_DB)
        if level < self._floor:
            self._floor = max(self._floor + 0.3 * (level - self._floor), LOWEST_FLOOR)
        else:
            self._floor += min(FLOOR_RISE, level - self._floor)
        self._recent.append(level)
        floor = max(self._floor, min(self._recent))
        return Chunk(probability, level, level - floor)


class Turn(Enum):
    """What the endpointer decided after a chunk."""

    NOTHING = auto()
    OPENED = auto()
    PAUSED = auto()
    """Silence long enough that the utterance may have ended: decode it now, just in case."""
    RESUMED = auto()
    """Speech again after PAUSED: what was decoded on suspicion is not the end."""
    ENDED = auto()
    """The silence lasted: the utterance is over."""
    OVERFLOWED = auto()
    """The utterance is as long as it may be; it is cut here and goes on."""


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """Thresholds; times in audio seconds, levels in dB over the noise floor."""

    open_probability: float = 0.5
    likely_probability: float = 0.3
    """Two chunks running of this open an utterance too."""
    hold_probability: float = 0.15
    reach_level: float = 12.0
    """The level that counts as speech next to what the model heard."""
    preroll: float = 0.3
    reach: float = 1.2
    """How far before the opening, or after the last chunk the model heard, a level may reach."""
    bridge: float = 0.4
    """How long the moments between words are at most that a level reaches back over."""
    pause: float = 0.2
    endpoint: float = 0.55
    hurried_endpoint: float = 0.3
    """The silence that is enough once an utterance is ``longest`` seconds long."""
    patient: float = 6.0
    """From this length on, less and less silence is needed: better a short pause than a cut."""
    longest: float = 16.0

    def endpoint_after(self, length: float) -> float:
        """The silence that ends an utterance of ``length`` seconds."""
        if length <= self.patient:
            return self.endpoint
        haste = min((length - self.patient) / max(self.longest - self.patient, 1e-9), 1.0)
        return self.endpoint - haste * max(self.endpoint - self.hurried_endpoint, 0.0)


class Endpointer:
    """Turns chunks into utterances. Time is the number of chunks seen."""

    def __init__(self, rules: EndpointRules) -> None:
        self.rules = rules
        self.now = 0.0
        """Seconds of audio judged."""
        self.open = False
        self.start = 0.0
        """Where the open (or last) utterance begins, pre-roll included."""
        self.speech_end = 0.0
        """End of the last active chunk of the utterance."""
        self.evidence = 0.0
        """Seconds in which the model itself heard speech in the utterance."""
        self._paused = False
        self._likely = 0
        self._loud_since = 0.0
        self._loud_until = 0.0
        self._heard = 0.0
        self._last_end = 0.0

    def push(self, chunk: Chunk) -> Turn:
        """Judges the next chunk."""
        self.now += CHUNK_SECONDS
        return self._inside(chunk) if self.open else self._outside(chunk)

    def flush(self) -> bool:
        """Closes at the end of the audio; true if an utterance was open."""
        was_open = self.open
        if was_open:
            self._close()
        return was_open

    def cut(self, at: float, evidence: float) -> None:
        """What the open utterance held before ``at`` is dealt with; so is its evidence."""
        if self.open and self.start < at <= self.now:
            self.start = at
            self.evidence = max(self.evidence - evidence, 0.0)

    @property
    def earliest(self) -> float:
        """No utterance that is yet to open begins before this: older audio may be forgotten."""
        if self.open:
            return self.start
        return max(self._last_end, self.now - self.rules.reach - self.rules.preroll - 0.1, 0.0)

    def _outside(self, chunk: Chunk) -> Turn:
        rules = self.rules
        self._likely = self._likely + 1 if chunk.probability >= rules.likely_probability else 0
        if chunk.above_floor >= rules.reach_level:
            if self.now - CHUNK_SECONDS - self._loud_until > rules.bridge:
                self._loud_since = self.now - CHUNK_SECONDS
            self._loud_until = self.now
        if chunk.probability < rules.open_probability and self._likely < 2:
            return Turn.NOTHING
        begins = self.now - max(1, self._likely) * CHUNK_SECONDS
        if self.now - self._loud_until <= rules.bridge:
            begins = min(begins, max(self._loud_since, begins - rules.reach))
        self.open = True
        self.start = max(self._last_end, begins - rules.preroll, 0.0)
        self.speech_end = self._heard = self.now
        self.evidence = max(1, self._likely) * CHUNK_SECONDS
        self._paused = False
        return Turn.OPENED

    def _inside(self, chunk: Chunk) -> Turn:
        rules = self.rules
        if chunk.probability >= rules.likely_probability:
            self.evidence += CHUNK_SECONDS
        if self._active(chunk):
            self.speech_end = self.now
            if self._paused:
                self._paused = False
                return Turn.RESUMED
        silence = self.now - self.speech_end
        if silence >= rules.endpoint_after(self.now - self.start) - 1e-6:
            self._close()
            return Turn.ENDED
        if self.now - self.start >= rules.longest:
            self._close()
            return Turn.OVERFLOWED
        if silence >= rules.pause - 1e-6 and not self._paused:
            self._paused = True
            return Turn.PAUSED
        return Turn.NOTHING

    def _active(self, chunk: Chunk) -> bool:
        rules = self.rules
        if chunk.probability >= rules.hold_probability:
            self._heard = self.now
            return True
        return chunk.above_floor >= rules.reach_level and self.now - self._heard <= rules.reach

    def _close(self) -> None:
        self.open = False
        self._last_end = self.now
        self._loud_since = self._loud_until = self.now
        self._likely = 0
