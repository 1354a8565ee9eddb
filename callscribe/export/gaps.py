"""What stands in an export where nobody heard something. May import ``pieces``, ``transcript``.

A caption is in the language of the call, as far as that is known; text for readers is in English,
like the reason.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from callscribe.export.pieces import Block, Piece
from callscribe.transcript import Gap, Transcript

STANDS: Final = 7.0
"""Seconds that a caption stands at most, however long the gap is."""

_WORDS: Final = {
    "de": "[{} s nicht gehört]",
    "en": "[{} s not heard]",
    "es": "[{} s sin oír]",
    "fr": "[{} s non entendues]",
    "it": "[{} s non sentiti]",
    "nl": "[{} s niet gehoord]",
    "pt": "[{} s não ouvidos]",
}
"""What a caption says, by language."""


def line_of(gap: Gap) -> str:
    """A gap in words: ``[nobody heard 12.3–15.0 s: reason]``."""
    return f"[nobody heard {gap.start:.1f}–{gap.end:.1f} s: {gap.why}]"


def language_of(transcript: Transcript) -> str:
    """The language in which most utterances were spoken, as two letters; empty: not known."""
    spoken = Counter(u.language.lower()[:2] for u in transcript.utterances if u.language)
    return spoken.most_common(1)[0][0] if spoken else ""


def blocks_of(transcript: Transcript, speaker: str) -> list[Block]:
    """The captions of a speaker's gaps, each one piece: it is not cut, and stands for a while."""
    words = _WORDS.get(language_of(transcript), _WORDS["en"])
    return [
        Block(speaker, (Piece(words.format(_seconds(gap)), start, start + _stands(gap)),))
        for gap in transcript.gaps
        if gap.speaker == speaker
        for start in (max(gap.start, 0.0),)
    ]


def _seconds(gap: Gap) -> int:
    return max(1, round(gap.end - gap.start))


def _stands(gap: Gap) -> float:
    return min(max(gap.end - gap.start, 0.0), STANDS)
