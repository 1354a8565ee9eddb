"""What of an engine's words is new, told by time: the same audio may have been heard before.

May import ``transcript``.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from callscribe.transcript import Result, join_text, mean_confidence

ROUNDING: Final = 1e-6
"""Seconds that two times may be apart that are the same, by another clock."""


def clipped(result: Result, settled: float) -> Result:
    """The result without the words that were final before ``settled`` (leg seconds).

    A word belongs to where its middle is.
    """
    if result.start >= settled or not result.words:
        return result
    words = tuple(w for w in result.words if (w.start + w.end) / 2 >= settled - ROUNDING)
    if len(words) == len(result.words):
        return result
    return replace(
        result,
        text=join_text(word.text for word in words),
        start=words[0].start if words else max(result.start, settled),
        end=max(result.end, settled),
        words=words,
        confidence=mean_confidence(words),
        exact=False,
    )


def within(result: Result, start: float, end: float) -> Result | None:
    """The result with the words alone that belong to a stretch; None where there are none.

    Without words it is the result's own middle that counts.
    """
    if not result.words:
        return result if start <= (result.start + result.end) / 2 < end else None
    words = tuple(w for w in result.words if start <= (w.start + w.end) / 2 < end)
    if not words or len(words) == len(result.words):
        return result if words else None
    return replace(
        result,
        text=join_text(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        words=words,
        confidence=mean_confidence(words),
        exact=False,
    )


def delayed(result: Result, seconds: float) -> Result:
    """The result with the latency of audio that had come so long before it was sent."""
    if seconds <= 0 or result.latency_ms is None:
        return result
    return replace(result, latency_ms=round(result.latency_ms + 1000 * seconds, 1))
