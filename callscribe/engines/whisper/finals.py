"""How a final is decoded: with care, and where the leg is hard to hear in two ways at once.

Runs in decoder threads. May import its own room.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.guard import is_suspect, repeats

FINAL_BEAM: Final = 5
FINAL_PADDING: Final = 6.0
SECOND_PADDING: Final = 10.0
FULL_WINDOW: Final = 30.0
UNSURE: Final = -0.3
"""Mean log probability under which a decode with another window is worth its time."""
SHIFT: Final = 0.12
"""Seconds of the pre-roll that the second window leaves out: the model then sees other frames."""

_one_full_window = threading.Lock()
"""A 30 s window takes 200 MB for a moment: never two at once."""


def best_final(decoder: WhisperDecoder, windows: Sequence[Window]) -> list[Hypothesis]:
    """One hypothesis per window; one that loops or overruns is decoded again with 30 s."""
    found = decoder.decode(windows)
    return [
        _again(decoder, window, first) if is_suspect(first) else first
        for window, first in zip(windows, found, strict=True)
    ]


def surest_final(decoder: WhisperDecoder, window: Window, helper: Executor) -> Hypothesis:
    """The surer of two decodes of one window, made side by side; ``helper`` runs the second."""
    skip = int(SHIFT * 16_000)
    later = replace(window, audio=window.audio[skip:], padding=SECOND_PADDING)
    second = helper.submit(decoder.decode, [later])
    first = best_final(decoder, [window])[0]
    other = second.result()[0]
    if is_suspect(other) or other.log_probability <= first.log_probability:
        return first
    moved = tuple(replace(w, start=w.start + SHIFT, end=w.end + SHIFT) for w in other.words)
    return replace(other, words=moved, seconds=first.seconds)


def _again(decoder: WhisperDecoder, window: Window, first: Hypothesis) -> Hypothesis:
    """With the full padding, and if that still loops with repeats forbidden."""
    whole = replace(window, padding=FULL_WINDOW, prompt="")
    with _one_full_window:
        second = decoder.decode([whole])[0]
        if not is_suspect(second):
            return second
        third = decoder.decode([replace(whole, ban_repeats=True)])[0]
    candidates = [h for h in (third, second, first) if not repeats(h.words)]
    return max(candidates or [third], key=lambda h: h.log_probability)
