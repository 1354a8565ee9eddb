"""From audio to the log-mel features that Whisper's encoder reads.

The mel scale is Slaney's (linear below 1 kHz, logarithmic above), the frames are 25 ms Hann windows
every 10 ms, and the log spectrum is clamped to 8 below its maximum, as in the paper's reference
(Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022, section 2.2).
Unlike the reference the window is not padded to 30 s: the caller says how much silence follows.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE = 16_000
HOP = 160
FFT = 400
FRAMES_PER_SECOND = RATE // HOP
MAX_FRAMES = 30 * FRAMES_PER_SECOND

FloatArray = NDArray[np.float32]


def mel_filters(bands: int) -> FloatArray:
    """Triangular filters of equal area, shape ``(bands, 201)``."""
    step, knee = 200.0 / 3, 1000.0
    log_step = np.log(6.4) / 27

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        bend = knee / step
        return np.where(mel < bend, mel * step, knee * np.exp(log_step * (mel - bend)))

    top = knee / step + np.log(RATE / 2 / knee) / log_step
    edges = to_hz(np.linspace(0.0, top, bands + 2))
    bins = np.linspace(0.0, RATE / 2, FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.clip(np.minimum(rising, falling), 0.0, None) * area[:, None]).astype(np.float32)


class LogMel:
    """Computes features for windows of any length; thread-safe, it keeps no state."""

    def __init__(self, bands: int = 80) -> None:
        self.bands = bands
        self._filters = mel_filters(bands)
        self._window = np.hanning(FFT + 1)[:-1].astype(np.float32)

    def __call__(self, audio: FloatArray, padding: float) -> FloatArray:
        """Features of ``audio`` (16 kHz, -1 to 1) with ``padding`` seconds of silence behind it.

        Returns shape ``(bands, frames)``, an even number of frames and at most 30 s.
        """
        frames = -(-len(audio) // HOP) + max(round(padding * FRAMES_PER_SECOND), 2)
        frames = min(frames + frames % 2, MAX_FRAMES)
        # One frame more than there is audio: its window still overlaps the end.
        heard = min(-(-len(audio) // HOP) + 1, frames)
        edged = np.pad(audio, (FFT // 2, FFT))
        views = sliding_window_view(edged, FFT)[: heard * HOP : HOP]
        power = np.abs(np.fft.rfft(views * self._window, axis=1)) ** 2
        log = np.log10(np.maximum(self._filters @ power.T.astype(np.float32), 1e-10))
        floor = max(float(log.max(initial=-10.0)) - 8.0, -10.0)
        features = np.full((self.bands, frames), floor, np.float32)
        np.maximum(log, floor, out=features[:, :heard])
        features += 4.0
        features /= 4.0
        return features
