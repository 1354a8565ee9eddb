"""How a final is decoded: with care, and where it is hard to hear in three ways.

Runs in decoder threads. May import its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

import numpy as np
from rapidfuzz.distance import Levenshtein

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.agreement import bare
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.guard import is_suspect, repeats
from callscribe.engines.whisper.jobs import GAP, without_lead

FINAL_BEAM: Final = 2
"""Five beams made no leg better than two, and each step dearer by half."""
FINAL_PADDING: Final = 6.0
SECOND_PADDING: Final = 8.0
MORE_PADDING: Final = 6.0
"""Short windows loop; this much more silence behind them ends most loops."""
UNSURE: Final = -0.15
"""Mean log probability under which a decode behind its context is worth its time."""
AWFUL: Final = -0.9
"""Mean log probability under which a decode is not what was said, however long it is."""
HEARD_MORE: Final = 0.1
"""By how much less sure a decode may be that has heard the voice before."""
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
    contexts: tuple[FloatArray, FloatArray],
    *,
    helper: Executor | None,
    at_once: bool = False,
    wanted: Callable[[], bool],
) -> Hypothesis:
    """The best of up to three decodes of one window.

    The others hear first what the same voice said before, the second a little of it, the third
    more: that alone makes many a telephone voice intelligible to the model. They count when the
    first one is unsure and the final is still ``wanted``. A ``helper`` decodes beside, with
    ``at_once`` before the first one is known to be unsure.
    """
    near, far = contexts
    beside = at_once and helper is not None
    running = _begin(helper, decoder, window, far if len(far) else near) if beside else None
    first = best_final(decoder, [window])[0]
    if first.log_probability >= UNSURE or not wanted():
        return first
    if running is None:
        running = _begin(helper, decoder, window, far if len(far) else near)
    others = [_second_opinion(decoder, window, near)] if len(far) else []
    return vote(first, [*others, running()], HEARD_MORE if len(near) else 0.0)


def _begin(
    helper: Executor | None, decoder: WhisperDecoder, window: Window, context: FloatArray
) -> Callable[[], Hypothesis | None]:
    """Has another opinion decoded by ``helper``, or else when it is asked for."""
    if helper is None:
        return lambda: _second_opinion(decoder, window, context)
    return helper.submit(_second_opinion, decoder, window, context).result


def surer(
    decoder: WhisperDecoder, window: Window, context: FloatArray, first: Hypothesis
) -> Hypothesis:
    """``first``, or what is understood behind ``context`` if ``first`` is unsure and that surer."""
    if first.log_probability >= UNSURE:
        return first
    heard_more = HEARD_MORE if len(context) else 0.0
    return vote(first, [_second_opinion(decoder, window, context)], heard_more)


def vote(first: Hypothesis, others: Sequence[Hypothesis | None], heard_more: float) -> Hypothesis:
    """What most agree on; of two the surer one, where the other may be less sure by ``heard_more``.

    Not one that left out what is hard to hear; of a first that is ``AWFUL`` nothing is kept.
    """
    awful = first.log_probability < AWFUL
    found = [
        other
        for other in others
        if other is not None and (awful or len(other.text) >= COMPLETE * len(first.text))
    ]
    if not found:
        return first
    if not awful:
        found.insert(0, first)
    if len(found) == 2 and not awful:
        return found[1] if found[1].log_probability + heard_more > first.log_probability else first
    said = [[bare(word.text) for word in one.words] for one in found]
    apart = [sum(Levenshtein.distance(one, other) for other in said) for one in said]
    return min(
        zip(apart, found, strict=True), key=lambda pair: (pair[0], -pair[1].log_probability)
    )[1]


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
