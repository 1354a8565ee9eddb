"""How a final is decoded: with care, a second opinion where the first is unsure.

Runs in decoder threads. May import its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.guard import is_suspect, repeats

FINAL_BEAM: Final = 5
FINAL_PADDING: Final = 6.0
SECOND_PADDING: Final = 10.0
FULL_WINDOW: Final = 30.0
UNSURE: Final = -0.35
"""Mean log probability under which a second decode with another window is worth its time."""
SHIFT: Final = 0.12
"""Seconds of the pre-roll that the second window leaves out: the model then sees other frames."""


def best_final(decoder: WhisperDecoder, windows: Sequence[Window]) -> list[Hypothesis]:
    """One hypothesis per window: the surest of its tries, none that loops if that can be had."""
    found = decoder.decode(windows)
    for index, first in enumerate(found):
        if is_suspect(first):
            found[index] = _again(decoder, windows[index], first)
        elif first.log_probability < UNSURE and windows[index].beam > 1:
            found[index] = _second_opinion(decoder, windows[index], first)
    return found


def _second_opinion(decoder: WhisperDecoder, window: Window, first: Hypothesis) -> Hypothesis:
    skip = int(SHIFT * 16_000)
    later = replace(window, audio=window.audio[skip:], padding=SECOND_PADDING)
    other = decoder.decode([later])[0]
    if is_suspect(other) or other.log_probability <= first.log_probability:
        return first
    moved = tuple(replace(w, start=w.start + SHIFT, end=w.end + SHIFT) for w in other.words)
    return replace(other, words=moved, seconds=first.seconds)


def _again(decoder: WhisperDecoder, window: Window, first: Hypothesis) -> Hypothesis:
    """With the full padding, and if that still loops with repeats forbidden."""
    whole = replace(window, padding=FULL_WINDOW, prompt="")
    second = decoder.decode([whole])[0]
    if not is_suspect(second):
        return second
    third = decoder.decode([replace(whole, ban_repeats=True)])[0]
    candidates = [h for h in (third, second, first) if not repeats(h.words)]
    return max(candidates or [third], key=lambda h: h.log_probability)
