"""How a final is decoded: with care, and where the leg is hard to hear in two ways at once.

Runs in decoder threads. May import its own room.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.guard import is_suspect, repeats
from callscribe.transcript import join_text

FINAL_BEAM: Final = 5
FINAL_PADDING: Final = 6.0
SECOND_PADDING: Final = 10.0
FULL_WINDOW: Final = 30.0
SHIFT: Final = 0.12
"""Seconds of the pre-roll that a second window leaves out: the model then sees other frames."""
COMPLETE: Final = 0.7
"""A second opinion must have this share of the first one's text."""
GAP: Final = 0.25
"""Seconds of silence between the context and the window."""

_one_full_window = threading.Lock()
"""A 30 s window takes 200 MB for a moment: never two at once."""


def best_final(decoder: WhisperDecoder, windows: Sequence[Window]) -> list[Hypothesis]:
    """One hypothesis per window; one that loops or overruns is decoded again with 30 s."""
    found = decoder.decode(windows)
    return [
        _again(decoder, window, first) if is_suspect(first) else first
        for window, first in zip(windows, found, strict=True)
    ]


def surest_final(
    decoder: WhisperDecoder, window: Window, context: FloatArray, helper: Executor
) -> Hypothesis:
    """The surer of two decodes of one window, made side by side; ``helper`` runs the second.

    The second hears ``context`` first, what the same voice said before: that alone makes many a
    telephone voice intelligible to the model.
    """
    running = helper.submit(_second_opinion, decoder, window, context)
    first = best_final(decoder, [window])[0]
    other = running.result()
    return other if other is not None and _is_surer(other, first) else first


def _is_surer(other: Hypothesis, first: Hypothesis) -> bool:
    """Better, and not because it left out what is hard to hear."""
    complete = len(other.text) >= COMPLETE * len(first.text)
    return complete and other.log_probability > first.log_probability


def _second_opinion(
    decoder: WhisperDecoder, window: Window, context: FloatArray
) -> Hypothesis | None:
    """The window behind its context, or where there is none seen by other frames."""
    if len(context):
        lead = np.concatenate([context, np.zeros(int(GAP * RATE), np.float32)])
        shift = -len(lead) / RATE
        other = replace(window, audio=np.concatenate([lead, window.audio])[: 30 * RATE])
    else:
        shift = SHIFT
        other = replace(window, audio=window.audio[int(SHIFT * RATE) :], padding=SECOND_PADDING)
    found = decoder.decode([other])[0]
    if is_suspect(found):
        return None
    words = tuple(
        replace(w, start=max(w.start + shift, 0.0), end=w.end + shift)
        for w in found.words
        if (w.start + w.end) / 2 + shift >= -0.1
    )
    text = join_text(w.text for w in words)
    return replace(found, words=words, text=text, seconds=len(window.audio) / RATE)


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
