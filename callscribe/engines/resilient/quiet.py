"""Where audio can be cut without cutting a word: at the quietest place near by.

By the level alone: a pause is quieter than the speech around it on any line. May import ``audio``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from callscribe.audio import Int16Array

REACH: Final = 2.0
"""Seconds to either side in which a place is looked for: speech pauses oftener than that."""
PAUSE: Final = 0.15
"""Seconds that have to be quiet together: within words there are silences too, shorter ones."""
STEP: Final = 0.01
"""Seconds between two places that are looked at."""
ALIKE: Final = 4.0
"""Times the power of the quietest place that is as quiet, 6 dB: the nearest of those is taken."""


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
