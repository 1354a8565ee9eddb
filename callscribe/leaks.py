"""Speech of one leg that is heard on another one too: the loudspeaker beside the microphone.

Core: no I/O; may import ``events``, ``evidence``, ``loudness``, ``same_words`` and ``transcript``.
Times are float seconds on the call clock.

Two legs that say nearly the same words at nearly the same time heard one voice. Whether that is so,
and which of them heard it through the air, is told by ``evidence``: how loud they were, when, and
how sure of the words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from callscribe.events import FinalResult
from callscribe.evidence import COVERED, Copy, Heard, one_voice
from callscribe.loudness import Levels
from callscribe.same_words import LATEST, Run, Token, same_words, tokens
from callscribe.transcript import join_text, mean_confidence

KEPT: Final = 20.0
"""Seconds behind the latest final in which an utterance can still become a leak or a source."""

MOST: Final = 64
"""Utterances that are kept at most."""

OWN: Final = 24
"""Utterances of a leg from which its usual level is told."""

USUAL: Final = 0.75
"""Where among their levels it lies: a leak that was not found pulls it down less than the median.
"""


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
    levels: Levels | None
    usual: float | None
    leak_of: str = ""
    leaked: tuple[int, ...] = ()
    _tokens: tuple[Token, ...] | None = None

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Its words, to be compared: made once, and only where another leg spoke meanwhile."""
        if self._tokens is None:
            self._tokens = tuple(tokens(self.said.words))
        return self._tokens


class Leaks:
    """Finds leaks among the recent finals of a call's legs.

    What is a leak depends on what was said, not on which of the two came first; how loud a leg
    usually is, on what it has said before.
    """

    def __init__(self) -> None:
        self._recent: dict[str, _Kept] = {}
        self._own: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """The levels of each speaker's own utterances (dB below full scale), latest last."""

    def add(self, said: FinalResult, levels: Levels | None = None) -> list[Decision]:
        """Takes a final, restated ones too; the utterances about which something changes by it.

        ``levels`` is how loud its leg was meanwhile, and a little before and after. The final
        itself is among the decisions when it is a leak, wholly or in part, and when it no longer
        is. All others have been published before: each is due for a revision.
        """
        before = self._recent.pop(said.utterance_id, None)
        # Looked up once: whoever of the two is judged, and when, they must come to one verdict.
        usual = self._usual(said.speaker, said.utterance_id)
        new = _Kept(said, levels, usual)
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
        decisions = [decision for kept in touched for decision in self._judge(kept, new)]
        for kept in touched:
            self._learn(kept)
        return decisions

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers in all that was said."""
        names = {one: other, other: one}
        for kept in self._recent.values():
            speaker = names.get(kept.said.speaker, kept.said.speaker)
            kept.said = replace(kept.said, speaker=speaker)
        self._own[one], self._own[other] = self._own[other], self._own[one]

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
                air = _heard_through_air(_heard(kept), _heard(other))
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

    def _usual(self, speaker: str, utterance_id: str) -> float | None:
        """How loud a leg is without an utterance; None where nothing else was said."""
        own = self._own[speaker].items()
        levels = sorted(level for name, level in own if name != utterance_id)
        return levels[int(USUAL * len(levels))] if levels else None

    def _learn(self, kept: _Kept) -> None:
        """Takes the level of what a leg's own speaker said, and of nothing else, as usual."""
        own = self._own[kept.said.speaker]
        own.pop(kept.said.utterance_id, None)
        words = kept.said.words
        if kept.levels is None or not words or kept.leaked:
            return
        level = kept.levels.mean(words[0].start, words[-1].end)
        if level is not None:
            own[kept.said.utterance_id] = level
        if len(own) > OWN:
            del own[next(iter(own))]


def _meet(one: FinalResult, other: FinalResult) -> bool:
    """Whether one of them can be a leak of the other, by time alone."""
    return one.start < other.end + LATEST and other.start < one.end + LATEST


def _heard(kept: _Kept) -> Heard:
    return Heard(kept.said, kept.tokens, kept.levels, kept.usual)


def _heard_through_air(kept: Heard, other: Heard) -> set[int]:
    """The tokens of ``kept`` that it has from ``other``."""
    # Always looked at from the same side: a word must never be a leak on both legs.
    if kept.said.utterance_id < other.said.utterance_id:
        copy, runs = one_voice(kept, other, same_words(kept.tokens, other.tokens))
        return _within(runs, 0) if copy is Copy.LEFT else set()
    copy, runs = one_voice(other, kept, same_words(other.tokens, kept.tokens))
    return _within(runs, 1) if copy is Copy.RIGHT else set()


def _within(runs: Iterable[Run], side: int) -> set[int]:
    """The tokens of one side's runs; what stands between two of a run was misheard."""
    return {token for run in runs for token in range(run[0][side], run[-1][side] + 1)}
