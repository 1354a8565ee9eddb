"""Where somebody begins to speak, in audio that is to be heard again.

The silence before takes its time there: kept audio is sent at nearly the pace of speech, and the
text stands still until it is through. May import ``audio``, ``engines.encoded``,
``engines.silero``, ``errors``, ``vad`` and its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np
import structlog

from callscribe.audio import RATE as MODEL_RATE
from callscribe.audio import Encoding, FloatArray, Int16Array, Resampler, to_float
from callscribe.engines.encoded import to_samples
from callscribe.engines.resilient.core import Core
from callscribe.engines.resilient.tape import Tape
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
LEAST: Final = 1.0
"""Seconds of silence that are worth leaving out."""
MOST: Final = 30.0
"""Seconds that are listened to."""

_log = structlog.get_logger(__name__)


class Onset:
    """Listens to the beginning of what was kept, with the network that all legs share."""

    def __init__(self, model: Callable[[], SileroModel] = shared) -> None:
        self._model = model

    def silence(self, samples: Int16Array, rate: int, *, behind_word: bool = False) -> int:
        """In how many samples at the beginning nobody speaks: 0 where that cannot be told.

        ``behind_word``: it begins where a word ends, which may still sound.
        Takes some 3 ms for each second of audio: not on the event loop.
        """
        try:
            residue = RESIDUE if behind_word else 0.0
            found = self._silence(samples[: int(MOST * rate)], rate, residue)
        except CallscribeError as error:  # there is no network: all is heard again
            _log.warning("onset_not_sought", problem=error.message)
            return 0
        return int(found * rate) if found >= LEAST else 0

    def _silence(self, samples: Int16Array, rate: int, residue: float) -> float:
        audio = to_float(Resampler(rate).push(samples, last=True))
        audio = audio[: len(audio) - len(audio) % CHUNK]
        if len(audio) < LEAST * MODEL_RATE:
            return 0.0
        probabilities = self._model().stream().judge(audio)
        quiet = np.flatnonzero((probabilities < UNLIKELY) & ~_is_loud(audio))
        begins = int(quiet[0]) if len(quiet) else len(audio)
        if begins * CHUNK_SECONDS > residue:
            return 0.0
        # Quiet chunks follow each other up to the first sound.
        lasts = int(np.argmax(np.diff(quiet, append=len(audio)) > 1)) + 1
        return (begins + lasts) * CHUNK_SECONDS - LEAD


class OnsetSearch:
    """Looks for the onset in what a leg keeps, once nobody listens, and tells the core.

    ``wake`` is called then: there is something to be done.
    """

    def __init__(
        self,
        onset: Onset | None,
        core: Core,
        tape: Tape,
        encoding: Encoding,
        wake: Callable[[], None],
    ) -> None:
        self._onset = onset
        self._core = core
        self._tape = tape
        self._encoding: Encoding = encoding
        self._wake = wake
        self._sound_behind = -1
        """From this sample on there is sound soon: nothing new is found by looking again."""

    def seek(self, tasks: asyncio.TaskGroup, now: float) -> None:
        """Begins if there is something to be heard again, and nobody hears it yet."""
        start, end, rate = self._core.settled, self._core.received, self._core.rate
        if self._onset is None or self._core.active is not None or end - start < LEAST * rate:
            return
        if start == self._sound_behind or self._tape.first > start:
            return
        self._core.seek_onset(now)
        end = min(end, start + int(MOST * rate))
        audio, behind_word = self._tape.read(start, end), self._core.is_behind_word
        tasks.create_task(self._find(self._onset, start, end, audio, behind_word))

    async def _find(
        self, onset: Onset, start: int, end: int, audio: bytes, behind_word: bool
    ) -> None:
        rate, silent = self._core.rate, 0

        def listen() -> int:
            return onset.silence(to_samples(audio, self._encoding), rate, behind_word=behind_word)

        try:
            silent = await asyncio.to_thread(listen)
        except Exception:  # noqa: BLE001 - then all of it is heard again
            _log.exception("onset_not_sought")
        if start + silent < end - (LEAD + CHUNK_SECONDS) * rate:
            self._sound_behind = start
        self._core.silent_to(start + silent)
        self._wake()


def _is_loud(audio: FloatArray) -> np.ndarray:
    """Which chunks stand out of the line's noise."""
    chunks = audio.reshape(-1, CHUNK)
    levels = 10.0 * np.log10(np.einsum("ij,ij->i", chunks, chunks) / CHUNK + 1e-12)
    noise = min(max(float(np.quantile(levels, NOISE)), QUIETEST), LOUDEST)
    loud: np.ndarray = levels > noise + LOUD
    return loud
