"""How a final is decoded: with care, and where the leg is hard to hear in two ways at once.

Runs in decoder threads. May import its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.guard import is_suspect, repeats
from callscribe.engines.whisper.jobs import GAP, without_lead

FINAL_BEAM: Final = 2
"""Five beams made no leg better than two, and each step dearer by half."""
FINAL_PADDING: Final = 6.0
SECOND_PADDING: Final = 8.0
MORE_PADDING: Final = 6.0
"""Short windows loop; this much more silence behind them ends most loops."""
UNSURE: Final = -0.25
"""Mean log probability under which a decode behind its context is worth its time."""
AWFUL: Final = -0.9
"""Mean log probability under which a decode is made up, and its length says nothing."""
HEARD_MORE: Final = 0.1
"""By how much less sure (mean log probability) a decode may be that has heard the voice before: it
is right more often than it is sure."""
SHIFT: Final = 0.12
"""Seconds of the pre-roll that a second window leaves out: the model then sees other frames."""
COMPLETE: Final = 0.85
"""A second opinion must have this share of the first one's text."""


def best_final(decoder: WhisperDecoder, windows: Sequence[Window]) -> list[Hypothesis]:
    """One hypothesis per window; one that loops or overruns is decoded again."""
    found = decoder.decode(windows)
    return [
        _again(decoder, window, first) if is_suspect(first) else first
        for window, first in zip(windows, found, strict=True)
    ]


def surest_final(
    decoder: WhisperDecoder,
    window: Window,
    context: FloatArray,
    *,
    helper: Executor | None,
    wanted: Callable[[], bool],
) -> Hypothesis:
    """The surer of two decodes of one window.

    The second hears ``context`` first, what the same voice said before: that alone makes many a
    telephone voice intelligible to the model. It counts when the first one is unsure and the final
    is still ``wanted``; a ``helper`` begins it beside the first one, to be sooner.
    """
    running = None
    if helper is not None:
        running = helper.submit(_second_opinion, decoder, window, context)
    first = best_final(decoder, [window])[0]
    if first.log_probability >= UNSURE or not wanted():
        return first
    if running is None:
        return surer(decoder, window, context, first)
    return _surer_of(first, running.result(), heard_more=len(context) > 0)


def best_look(decoder: WhisperDecoder, window: Window, context: FloatArray) -> Hypothesis:
    """One hypothesis of an open utterance, behind ``context`` where the voice is hard to hear."""
    found = _second_opinion(decoder, window, context) if len(context) else None
    return found or best_final(decoder, [window])[0]


def surer(
    decoder: WhisperDecoder, window: Window, context: FloatArray, first: Hypothesis
) -> Hypothesis:
    """``first``, or what is understood behind ``context`` if ``first`` is unsure and that surer."""
    if first.log_probability >= UNSURE:
        return first
    second = _second_opinion(decoder, window, context)
    return _surer_of(first, second, heard_more=len(context) > 0)


def _surer_of(first: Hypothesis, other: Hypothesis | None, *, heard_more: bool) -> Hypothesis:
    """The better one; not one that is better because it left out what is hard to hear."""
    awful = first.log_probability < AWFUL
    if other is None or (not awful and len(other.text) < COMPLETE * len(first.text)):
        return first
    bonus = HEARD_MORE if heard_more else 0.0
    return other if other.log_probability + bonus > first.log_probability else first


def _second_opinion(
    decoder: WhisperDecoder, window: Window, context: FloatArray
) -> Hypothesis | None:
    """The window behind its context, or where there is none seen by other frames."""
    if len(context):
        before = np.concatenate([context, np.zeros(int(GAP * RATE), np.float32)])
        lead = len(before) / RATE
        other = replace(window, audio=np.concatenate([before, window.audio])[: 30 * RATE])
    else:
        lead = -SHIFT
        other = replace(window, audio=window.audio[int(SHIFT * RATE) :], padding=SECOND_PADDING)
    found = decoder.decode([other])[0]
    return None if is_suspect(found) else without_lead(found, lead)


def _again(decoder: WhisperDecoder, window: Window, first: Hypothesis) -> Hypothesis:
    """With more padding, and if that still loops with repeats forbidden."""
    longer = replace(window, padding=window.padding + MORE_PADDING, prompt="")
    second = decoder.decode([longer])[0]
    if not is_suspect(second):
        return second
    third = decoder.decode([replace(longer, ban_repeats=True)])[0]
    candidates = [h for h in (third, second, first) if not repeats(h.words)]
    return max(candidates or [third], key=lambda h: h.log_probability)
