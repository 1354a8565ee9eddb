"""Cuts a leg into pieces of about three seconds, at pauses and never inside a word.

May import ``audio``, ``vad`` and ``errors``.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from typing import Final

import numpy as np

from callscribe.audio import Int16Array, Resampler, pcm_to_samples, to_float
from callscribe.vad import CHUNK, CHUNK_SECONDS, SpeechDetector, VoiceActivity

TARGET: Final = 3.0
"""Seconds from which on the next pause ends a piece."""

LONGEST: Final = 20.0
"""Seconds after which a piece ends at its quietest moment, pause or not."""

PAUSE: Final = 0.25
SPEECH: Final = 0.3
"""The probability from which on a chunk is speech."""
LOUD: Final = 12.0
"""dB over the noise floor that keep a pause from beginning: narrow-band voices escape the model."""
PREROLL: Final = 0.5
"""Seconds kept of a stretch without any speech, for what follows."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio that belongs together; ``start`` in leg seconds."""

    start: float
    samples: Int16Array

    def end(self, rate: int) -> float:
        """Where it ends at that rate, leg seconds."""
        return self.start + len(self.samples) / rate


class PauseCutter:
    """Follows one leg; ``detect`` judges 512 samples at 16 kHz."""

    def __init__(self, rate: int, detect: VoiceActivity) -> None:
        self._rate = rate
        self._detector = SpeechDetector(detect)
        self._resampler = Resampler(rate)
        self._samples = np.empty(0, np.int16)
        self._first = 0
        self._unjudged = np.empty(0, np.int16)
        self._judged = 0.0
        self._levels: list[float] = []
        self._silence = 0.0
        self.spoken_from: float | None = None
        """Where somebody began to speak in the open piece; None: nobody has."""

    @property
    def seconds(self) -> float:
        """The audio taken in so far."""
        return (self._first + len(self._samples)) / self._rate

    @property
    def cut_to(self) -> float:
        """Where the open piece begins: what came before was cut off, or held no speech."""
        return self._first / self._rate

    @property
    def open_piece(self) -> Piece:
        """What has been gathered since the last cut."""
        return Piece(self._first / self._rate, self._samples.copy())

    def push(self, pcm: bytes) -> list[Piece]:
        """The next audio; the pieces that ended in it."""
        samples = pcm_to_samples(pcm)
        self._samples = np.concatenate([self._samples, samples])
        self._unjudged = np.concatenate([self._unjudged, self._resampler.push(samples)])
        pieces: list[Piece] = []
        at = 0
        while at + CHUNK <= len(self._unjudged):
            self._judge(self._unjudged[at : at + CHUNK])
            at += CHUNK
            cut = self._cut()
            if cut is not None:
                pieces += self._end(cut)
        self._unjudged = self._unjudged[at:].copy()
        return pieces

    def flush(self) -> list[Piece]:
        """Ends the open piece, here and now."""
        return self._end(self.seconds)

    def _judge(self, chunk: Int16Array) -> None:
        found = self._detector(to_float(chunk))
        self._judged += CHUNK_SECONDS
        self._levels.append(found.level)
        speech = found.probability >= SPEECH
        if speech and self.spoken_from is None:
            self.spoken_from = self._judged - CHUNK_SECONDS
        loud = self.spoken_from is not None and found.above_floor >= LOUD
        self._silence = 0.0 if speech or loud else self._silence + CHUNK_SECONDS

    def _cut(self) -> float | None:
        """Where the open piece is to end, seconds; None while it is to go on."""
        length = self._judged - self._first / self._rate
        if length < TARGET:
            return None
        if self._silence >= PAUSE:
            return self._judged - self._silence / 2
        if length < LONGEST:
            return None
        late = len(self._levels) // 2
        quietest = late + int(np.argmin(self._levels[late:]))
        return self._judged - (len(self._levels) - quietest - 0.5) * CHUNK_SECONDS

    def _end(self, cut: float) -> list[Piece]:
        end = min(max(round(cut * self._rate) - self._first, 0), len(self._samples))
        piece = Piece(self._first / self._rate, self._samples[:end].copy())
        spoken = self.spoken_from is not None
        if not spoken:  # nobody spoke: it is not worth sending
            end = max(end - round(PREROLL * self._rate), 0)
        self._samples = self._samples[end:].copy()
        self._first += end
        rest = max(self._judged - self._first / self._rate, 0.0)
        self._levels = self._levels[len(self._levels) - round(rest / CHUNK_SECONDS) :]
        self.spoken_from = None
        return [piece] if spoken and len(piece.samples) else []


def as_wav(piece: Piece, rate: int) -> bytes:
    """A piece as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(piece.samples.astype("<i2").tobytes())
    return out.getvalue()
