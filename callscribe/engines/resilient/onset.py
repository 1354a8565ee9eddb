"""Where nobody speaks in audio that is to be heard again: at its beginning, and between sentences.

Silence takes its time there: kept audio is sent at nearly the pace of speech, and the text is late
by as much, or stands still. May import ``audio``, ``engines.silero``, ``errors`` and ``vad``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import structlog

from callscribe.audio import RATE as MODEL_RATE
from callscribe.audio import FloatArray, Int16Array, Resampler, to_float
from callscribe.engines.silero import SileroModel, shared
from callscribe.errors import CallscribeError
from callscribe.vad import CHUNK, CHUNK_SECONDS

UNLIKELY: Final = 0.1
"""The model's probability of speech under which there is none; where it hears some it says 0.5."""
LOUD: Final = 9.0
"""dB over the line's own noise from which on a sound may be anything: it is not left out."""
NOISE: Final = 0.1
"""The share of the audio that is taken for the line's noise: its quietest."""
QUIETEST: Final = -70.0
"""dB below full scale under which noise is taken to be this loud; else a digital silence would make
everything loud."""
LOUDEST: Final = -45.0
"""And above which it is not believed to be noise: a sound may last as long as what was kept."""
LEAD: Final = 0.8
"""Seconds before the first sound that are heard again too. Of 423 s of silence before 68 utterances
on eight legs, half of them telephones, 341 s were left out, 357 s with ``behind_word``; each word
kept 0.3 s before it."""
RESIDUE: Final = 0.25
"""Seconds of sound at the beginning that are taken for the end of a word which is final: it ends a
little before the voice does."""
BEHIND: Final = 0.6
"""Seconds behind the last sound before a pause that are heard too, at least: with ``LEAD`` that is
longer than the second after which engines say that an utterance has ended."""
LEAST: Final = 1.0
"""Seconds of silence at the beginning that are worth leaving out."""
WORTH: Final = 0.5
"""Seconds of a pause that are."""
MOST: Final = 30.0
"""Seconds that are listened to."""

_log = structlog.get_logger(__name__)


class Onset:
    """Listens for silence in what was kept, with the network that all legs share."""

    def __init__(self, model: Callable[[], SileroModel] = shared) -> None:
        self._model = model
        self._is_deaf = False
        """There is no network, which was said."""

    def silence(self, samples: Int16Array, rate: int, *, behind_word: bool = False) -> int:
        """In how many samples at the beginning nobody speaks: 0 where that cannot be told.

        ``behind_word``: it begins where a word ends, which may still sound.
        Takes some 3 ms for each second of audio: not on the event loop.
        """
        residue = RESIDUE if behind_word else 0.0
        found = self._silence(samples[: int(MOST * rate)], rate, residue)
        return int(found * rate) if found >= LEAST else 0

    def pauses(
        self, samples: Int16Array, rate: int, behind: float = BEHIND
    ) -> list[tuple[int, int]]:
        """What may be left out of each long pause: from which sample, to which.

        ``behind`` seconds after the last sound stay. Silence at the end is a pause too. As
        ``silence`` it takes some time.
        """
        quiet = self._quiet(_whole(samples, rate))
        found = []
        for run in np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1):
            if len(run):
                start, end = run[0] * CHUNK_SECONDS + behind, (run[-1] + 1) * CHUNK_SECONDS - LEAD
                if end - start >= WORTH:
                    found.append((int(start * rate), int(end * rate)))
        return found

    def _silence(self, samples: Int16Array, rate: int, residue: float) -> float:
        audio = _whole(samples, rate)
        if len(audio) < LEAST * MODEL_RATE:
            return 0.0
        quiet = self._quiet(audio)
        begins = int(quiet[0]) if len(quiet) else len(audio)
        if begins * CHUNK_SECONDS > residue:
            return 0.0
        # Quiet chunks follow each other up to the first sound.
        lasts = int(np.argmax(np.diff(quiet, append=len(audio)) > 1)) + 1
        return (begins + lasts) * CHUNK_SECONDS - LEAD

    def _quiet(self, audio: FloatArray) -> np.ndarray:
        """The chunks in which nobody speaks and nothing stands out, none without a network."""
        if not len(audio) or self._is_deaf:
            return np.zeros(0, np.int64)
        try:
            probabilities = self._model().stream().judge(audio)
        except CallscribeError as error:  # all is heard again
            self._is_deaf = True
            _log.warning("silence_not_sought", problem=error.message)
            return np.zeros(0, np.int64)
        return np.flatnonzero((probabilities < UNLIKELY) & ~_is_loud(audio))


def _whole(samples: Int16Array, rate: int) -> FloatArray:
    """The samples as the network takes them, in whole chunks."""
    audio = to_float(Resampler(rate).push(samples, last=True))
    return audio[: len(audio) - len(audio) % CHUNK]


def _is_loud(audio: FloatArray) -> np.ndarray:
    """Which chunks stand out of the line's noise."""
    chunks = audio.reshape(-1, CHUNK)
    levels = 10.0 * np.log10(np.einsum("ij,ij->i", chunks, chunks) / CHUNK + 1e-12)
    noise = min(max(float(np.quantile(levels, NOISE)), QUIETEST), LOUDEST)
    loud: np.ndarray = levels > noise + LOUD
    return loud
