"""Where audio can be cut without cutting a word: at the quietest place near by.

By the level alone: a pause is quieter than the speech around it on any line. May import ``audio``,
``engines.encoded`` and its own room.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from callscribe.audio import Encoding, Int16Array
from callscribe.engines.encoded import to_samples
from callscribe.engines.resilient.tape import Tape

REACH: Final = 2.0
"""Seconds to either side in which a place is looked for: speech pauses oftener than that."""
PAUSE: Final = 0.15
"""Seconds that have to be quiet together: within words there are silences too, shorter ones."""
STEP: Final = 0.01
"""Seconds between two places that are looked at."""
ALIKE: Final = 4.0
"""Times the power of the quietest place that is as quiet, 6 dB: the nearest of those is taken."""

LULL: Final = 0.2
"""Seconds that are quiet together where somebody pauses: longer than a stop within a word."""
BEFORE: Final = 3.0
"""Seconds that they are compared with: some speech is among them wherever there is any."""
DEEP: Final = 10.0
"""Times the power of a lull that speech has, 10 dB: so much is between the two on a noisy line too.
"""


def is_lull(samples: Int16Array, rate: int) -> bool:
    """Whether the end of a few seconds is much quieter than they are."""
    power = np.square(samples, dtype=np.float32)
    last = power[-int(LULL * rate) :]
    return bool(len(last)) and float(last.mean()) * DEEP < float(power.mean())


def quietest(samples: Int16Array, rate: int, near: int) -> int:
    """The sample near ``near`` at which to cut; that one where there is nothing to choose from."""
    half, step = int(PAUSE * rate / 2), max(1, int(STEP * rate))
    if len(samples) <= 2 * half:
        return near
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    places = np.arange(near % step, len(samples) + 1, step)
    begins, ends = np.maximum(places - half, 0), np.minimum(places + half, len(samples))
    power = (sums[ends] - sums[begins]) / (ends - begins) + 1.0
    quiet = places[power <= power.min() * ALIKE]
    return int(quiet[np.argmin(np.abs(quiet - near))])


class Pauses:
    """Where it is quiet on a tape. Reading what is in its file blocks shortly."""

    def __init__(self, tape: Tape, rate: int, encoding: Encoding) -> None:
        self._tape = tape
        self._rate = rate
        self._encoding: Encoding = encoding

    def near(self, near: int, low: int, high: int) -> int:
        """The quietest place near a sample, between two others and within what is kept."""
        low, high = max(low, self._tape.first), min(high, self._tape.end)
        return low + quietest(self._samples(low, high), self._rate, near - low)

    def is_before(self, end: int) -> bool:
        """Whether it is quiet just before a sample."""
        return is_lull(self._samples(end - int(BEFORE * self._rate), end), self._rate)

    def _samples(self, start: int, end: int) -> Int16Array:
        return to_samples(self._tape.read(start, end), self._encoding)
