"""What a live transcript is measured by: when each word first stood there, and when for good.

Pure: no audio, no clock. A *reference word* has the end that the full-context decode of the same
audio gives it; it counts once the live transcript has the same word at the same place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

EDGE = 0.5
"""Seconds by which a word may end behind an utterance of the script and still belong to it."""
NEAR = 0.8
"""Two sightings of a word are the same word if their times differ by less (s)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A word in some result: its text, its time on the leg's clock, and when it was shown."""

    text: str
    start: float
    end: float
    shown_at: float
    final: bool


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of the reference."""

    text: str
    end: float


@dataclass(frozen=True, slots=True)
class Lags:
    """Seconds, one per reference word that the live transcript has."""

    appear: list[float]
    final: list[float]


def bare(text: str) -> str:
    """Lower case without punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w]", "", folded)


def in_speech(
    words: Iterable[tuple[str, float, float]], spoken: Sequence[tuple[float, float]]
) -> list[SpokenWord]:
    """Words (text, start, end) where somebody speaks, by the script.

    Whole-track decodes often give the first word behind a pause to the pause's beginning: a word
    that ends where nobody speaks ends in the utterance that comes next.
    """
    found = []
    for text, start, end in words:
        said = any(first - EDGE <= end <= last + EDGE for first, last in spoken)
        after = [first for first, _ in spoken if first > end]
        long = min(end - start, EDGE)
        found.append(SpokenWord(text, end if said or not after else min(after) + long))
    return found


def word_lags(reference: Sequence[SpokenWord], seen: Sequence[Sighting]) -> Lags:
    """How long after its end each word first stood there, and stood there for good."""
    finals = [s for s in seen if s.final]
    left, right = [bare(w.text) for w in reference], [bare(s.text) for s in finals]
    appear: list[float] = []
    final: list[float] = []
    by_text: dict[str, list[Sighting]] = {}
    for sighting in seen:
        by_text.setdefault(bare(sighting.text), []).append(sighting)
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            word, kept = reference[block.a + step], finals[block.b + step]
            same = [s for s in by_text[bare(kept.text)] if abs(s.end - kept.end) < NEAR]
            appear.append(min(s.shown_at for s in same) - word.end)
            final.append(kept.shown_at - word.end)
    return Lags(appear, final)


def spoken_end(reference: Sequence[SpokenWord], text: str, end: float) -> float:
    """Where a word that the live transcript ends at ``end`` really ended, as far as that is known.

    The reference's end of the nearest same word; ``end`` where there is none near.
    """
    ends = [w.end for w in reference if bare(w.text) == bare(text) and abs(w.end - end) < NEAR]
    return min(ends, key=lambda found: abs(found - end), default=end)
