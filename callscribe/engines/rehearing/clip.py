"""What is heard again: an utterance in the company of its neighbours, the silence between left out.

Pure: no I/O, no clock. Times are seconds, of the leg or of the clip. May import ``audio`` and
``transcript``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray, Int16Array, Resampler, to_float
from callscribe.transcript import Result, Word, mean_confidence

GAP: Final = 0.3
"""Seconds of silence between two pieces."""
SURROUNDED: Final = 0.05
"""By how much less sure than the first a hearing may be that had what was said before and behind:
having heard more, it is right more often than its confidence says."""
ONWARDS: Final = 0.02
"""The same for one that had only what was said behind, if anything: it has searched further."""
BY_REQUEST: Final = -0.02
"""The same for a provider's, which is sure in its own way: it has to be surer."""
CLEAR: Final = 0.8
"""A hearing that is so sure of its words is not asked for another one."""
COMPLETE: Final = 0.7
"""It must have this share of the first one's text: what is hard to hear is easily left out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the leg, and where in the clip it begins."""

    start: float
    end: float
    at: float

    @property
    def until(self) -> float:
        """Where in the clip it ends."""
        return self.at + self.end - self.start


@dataclass(frozen=True, slots=True)
class Clip:
    """The stretches of a leg that are heard together for the sake of one final among them."""

    final: Result
    by: str
    """The engine that said it."""
    pieces: tuple[Piece, ...]
    target: int
    """Which of the pieces is that of the final."""

    @property
    def alone(self) -> Clip:
        """The final's own stretch, without its neighbours."""
        piece = replace(self.pieces[self.target], at=0.0)
        return replace(self, pieces=(piece,), target=0)

    @property
    def onwards(self) -> Clip:
        """The final's own stretch and what was said behind it, not what was said before."""
        kept = self.pieces[self.target :]
        by = kept[0].at
        return replace(self, pieces=tuple(replace(p, at=p.at - by) for p in kept), target=0)

    def audio(self, stretches: Sequence[Int16Array], rate: int) -> FloatArray:
        """The clip at 16 kHz, of the samples of its pieces at the leg's ``rate``."""
        found: list[FloatArray] = []
        for piece, stretch in zip(self.pieces, stretches, strict=True):
            samples = Resampler(rate).push(stretch, last=True)
            wanted = round((piece.end - piece.start) * RATE)
            silence = np.zeros(max(wanted - len(samples), 0) + round(GAP * RATE), np.float32)
            found += [to_float(samples[:wanted]), silence]
        return np.concatenate(found)

    def words(self, found: Iterable[Word]) -> tuple[Word, ...]:
        """Those of the words that were said in the final's own stretch, on the leg's clock.

        It is their ends that count: behind a silence a word often begins too early.
        """
        piece = self.pieces[self.target]
        low, high = piece.at - GAP / 2, piece.until + GAP / 2
        by = piece.start - piece.at
        return tuple(
            self._labelled(
                word.at(
                    min(max(word.start, piece.at), word.end) + by,
                    max(word.end, piece.at) + by,
                )
            )
            for word in found
            if low < word.end <= high
        )

    def _labelled(self, word: Word) -> Word:
        """The word with the label that its voice has on the leg; another hearing counts anew."""
        near = min(self.final.words, key=lambda own: abs(own.end - word.end))
        return word.labelled(near.speaker_label)


def together(final: Result, by: str, stretches: Sequence[tuple[float, float]], target: int) -> Clip:
    """A clip of these stretches of the leg, in this order; ``target`` is that of the final."""
    pieces, at = [], 0.0
    for start, end in stretches:
        pieces.append(Piece(start, end, at))
        at += end - start + GAP
    return Clip(final, by, tuple(pieces), target)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was understood of a clip's final when the clip was heard."""

    clip: Clip
    words: tuple[Word, ...]
    by_request: bool = False
    """A provider heard it."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left out, as far as its length tells."""
        before, after = (sum(len(w.text) for w in words) for words in (self._first, self.words))
        return bool(self.words) and after >= COMPLETE * before

    @property
    def is_clear(self) -> bool:
        """Whether another hearing would hardly be surer."""
        return self.is_complete and mean_confidence(self.words) >= CLEAR

    @property
    def gain(self) -> float:
        """By how much it is surer than the first, what it has heard more than that counted in."""
        return mean_confidence(self.words) - mean_confidence(self._first) + self._allowance

    @property
    def _first(self) -> tuple[Word, ...]:
        return self.clip.final.words

    @property
    def _allowance(self) -> float:
        if self.by_request:
            return BY_REQUEST
        return SURROUNDED if self.clip.target > 0 else ONWARDS


def surest(hearings: Iterable[Hearing]) -> Hearing | None:
    """The hearing that is to be believed rather than the first; None: none of them."""
    able = [hearing for hearing in hearings if hearing.is_complete and hearing.gain > 0]
    return max(able, key=lambda hearing: hearing.gain, default=None)
