"""Speech of one leg that is heard on another one too: the loudspeaker beside the microphone.

Core: no I/O; may import ``events``, ``same_words`` and ``transcript``. Times are float seconds on
the call clock.

Two legs that say nearly the same words at nearly the same time heard one voice. Which of them heard
it through the air is told by evidence: it hears later, is less sure of the words, gets fewer of
them, and is quieter where a level is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Final

from callscribe.events import FinalResult
from callscribe.same_words import EARLIEST, LATEST, Run, Token, same_words, tokens
from callscribe.transcript import join_text, mean_confidence

COVERED: Final = 0.8
"""The share of an utterance's words that makes it a leak as a whole."""

KEPT: Final = 20.0
"""Seconds behind the latest final in which an utterance can still become a leak or a source."""

MOST: Final = 64
"""Utterances that are kept at most."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known about an utterance now. ``said`` is its latest version."""

    said: FinalResult
    leak_of: str
    """The utterance that was heard through the air; empty: none, or only some words."""
    leaked: tuple[int, ...]
    """The words of ``said.words`` that were heard through the air, by their index."""

    @property
    def final(self) -> FinalResult:
        """The utterance as it should be shown: marked, or without the words that are a leak.

        Number, time and revision are still those of ``said``.
        """
        if self.leak_of or not self.leaked:
            return replace(self.said, leak_of=self.leak_of)
        words = tuple(w for index, w in enumerate(self.said.words) if index not in self.leaked)
        return replace(
            self.said,
            text=join_text(word.text for word in words),
            start=min(word.start for word in words),
            end=max(word.end for word in words),
            words=words,
            confidence=mean_confidence(words),
            leak_of="",
        )


@dataclass(slots=True)
class _Kept:
    said: FinalResult
    level: float | None
    tokens: tuple[Token, ...]
    leak_of: str = ""
    leaked: tuple[int, ...] = ()


class Leaks:
    """Finds leaks among the recent finals of a call's legs.

    What is a leak depends on what was said, not on which of the two came first.
    """

    def __init__(self) -> None:
        self._recent: dict[str, _Kept] = {}

    def add(self, said: FinalResult, level: float | None = None) -> list[Decision]:
        """Takes a final, restated ones too; the utterances about which something changes by it.

        ``level`` is its loudness in dB against what is usual on its leg: -15 is much quieter than
        the leg's own speaker. The final itself is among the decisions when it is a leak, wholly or
        in part, and when it no longer is. All others have been published before: each is due for
        a revision.
        """
        before = self._recent.pop(said.utterance_id, None)
        new = _Kept(said, level, tuple(tokens(said.words)))
        if before is not None:
            new.leak_of, new.leaked = before.leak_of, before.leaked
        self._recent[said.utterance_id] = new
        self._forget()
        touched = [new]
        versions = [said] if before is None else [said, before.said]
        touched += [
            kept
            for kept in self._recent.values()
            if kept.said.speaker != said.speaker
            and any(_meet(kept.said, version) for version in versions)
        ]
        return [decision for kept in touched for decision in self._judge(kept, new)]

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers in all that was said."""
        names = {one: other, other: one}
        for kept in self._recent.values():
            speaker = names.get(kept.said.speaker, kept.said.speaker)
            kept.said = replace(kept.said, speaker=speaker)

    def _forget(self) -> None:
        latest = max(kept.said.end for kept in self._recent.values())
        old = [key for key, kept in self._recent.items() if kept.said.end < latest - KEPT]
        for key in old:
            del self._recent[key]
        while len(self._recent) > MOST:
            del self._recent[min(self._recent, key=lambda key: self._recent[key].said.end)]

    def _judge(self, kept: _Kept, new: _Kept) -> Iterator[Decision]:
        leak_of, leaked = self._find(kept)
        changed = (leak_of, leaked) != (kept.leak_of, kept.leaked)
        kept.leak_of, kept.leaked = leak_of, leaked
        if changed or (kept is new and leaked):
            yield Decision(kept.said, leak_of, leaked)

    def _find(self, kept: _Kept) -> tuple[str, tuple[int, ...]]:
        """Of which utterance this one is a leak, and which of its words are one."""
        found: dict[str, set[int]] = {}
        for other in self._recent.values():
            if other.said.speaker != kept.said.speaker and _meet(kept.said, other.said):
                air = _heard_through_air(kept, other)
                if air:
                    found[other.said.utterance_id] = air
        if not found:
            return "", ()
        heard = set().union(*found.values())
        leaked = tuple(sorted({kept.tokens[token].word for token in heard}))
        own = {token.word for token in kept.tokens}.difference(leaked)
        if own and len(heard) < COVERED * len(kept.tokens):
            return "", leaked
        return max(found, key=lambda key: (len(found[key]), key)), leaked


def _meet(one: FinalResult, other: FinalResult) -> bool:
    """Whether one of them can be a leak of the other, by time alone."""
    return one.start < other.end + LATEST and other.start < one.end + LATEST


def _heard_through_air(kept: _Kept, other: _Kept) -> set[int]:
    """The tokens of ``kept`` that it has from ``other``."""
    # Always looked at from the same side: a word must never be a leak on both legs.
    if kept.said.utterance_id < other.said.utterance_id:
        runs = same_words(kept.tokens, other.tokens)
        return _within(runs, 0) if runs and _evidence(kept, other, runs) > 0 else set()
    runs = same_words(other.tokens, kept.tokens)
    return _within(runs, 1) if runs and _evidence(other, kept, runs) <= 0 else set()


def _within(runs: Iterable[Run], side: int) -> set[int]:
    """The tokens of one side's runs; what stands between two of a run was misheard."""
    return {token for run in runs for token in range(run[0][side], run[-1][side] + 1)}


def _evidence(left: _Kept, right: _Kept, runs: Iterable[Run]) -> float:
    """Above 0 where ``left`` heard ``right`` through the air."""
    pairs = [pair for run in runs for pair in run]
    mine = [left.tokens[i] for i, _ in pairs]
    theirs = [right.tokens[j] for _, j in pairs]
    lag = median(a.start - b.start for a, b in zip(mine, theirs, strict=True))
    if abs(lag) > -EARLIEST:
        return lag
    surer = fmean(b.confidence for b in theirs) - fmean(a.confidence for a in mine)
    more = (pairs[-1][1] - pairs[0][1]) - (pairs[-1][0] - pairs[0][0])
    score = 2 * _vote(lag / 0.1) + _vote(surer / 0.15) + _vote(4 * more / len(pairs))
    if left.level is not None and right.level is not None:
        score += 4 * _vote((right.level - left.level) / 10)
    return score


def _vote(strength: float) -> float:
    return max(-1.0, min(1.0, strength))
