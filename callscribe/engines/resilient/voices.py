"""Whose voice is whose behind a reconnection: each connection numbers voices anew.

A voice of the new connection is one from before only where both connections heard the same words,
in audio that was sent again, and told them apart in the same way. Else it is a new one: the same
person may get a second label, but no two people get one. May import ``transcript`` and ``voices``.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from callscribe.transcript import Result, Word
from callscribe.voices import VoiceNumbers, has_labels, relabelled

NEAR: Final = 0.25
"""Seconds between the middles of what is one word, heard twice."""
ENOUGH: Final = 3
"""Words that both must have heard of a voice: a service is not sure of the first ones."""
PURE: Final = 0.75
"""The share of them that has to agree, in both directions."""
KEPT: Final = 60.0
"""Seconds of words that are kept to be compared."""


class LegVoices:
    """The voices of one leg, through all its connections. Times are the leg's own seconds."""

    def __init__(self) -> None:
        self._numbers = VoiceNumbers()
        self._line: object | None = None
        """The connection that is listened to."""
        self._names: dict[str, str] = {}
        """The leg's labels by those of that connection."""
        self._said: list[Word] = []
        """What that connection has said last, in its own labels."""
        self._before: list[Word] = []
        """What earlier ones have said, in the leg's labels."""
        self._first = True
        """No earlier connection has told voices apart."""

    def named(self, result: Result, line: object) -> Result:
        """A connection's result, on the leg's clock, with the leg's labels.

        A voice of an interim that may yet turn out to be one from before has no label.
        """
        if line is not self._line:
            self._change(line)
        if not self._said and not has_labels(result.words):
            return result
        self._note(result)
        return relabelled(result, lambda label: self._name(label, sure=result.is_final))

    def apart(self, results: Sequence[Result]) -> list[Result]:
        """Results of a connection that hears one stretch again: its voices are new ones."""
        names: dict[str, str] = {}
        return [relabelled(r, lambda label: self._numbers.add(label, names)) for r in results]

    def _name(self, label: str, *, sure: bool) -> str | None:
        if label in self._names:
            return self._names[label]
        if self._first:
            return self._numbers.add(label, self._names)
        found = self._match(label)
        if not sure:
            return found
        if found is None:
            return self._numbers.add(label, self._names)
        self._names[label] = found
        return found

    def _match(self, label: str) -> str | None:
        """The voice from before that said the same words; None where that is not certain."""
        pairs = Counter(_heard_twice(self._said, self._before))
        ours = {old: n for (new, old), n in pairs.items() if new == label}
        if not ours:
            return None
        old = max(ours, key=ours.__getitem__)
        theirs = sum(n for (_, other), n in pairs.items() if other == old)
        both = ours[old]
        certain = both >= ENOUGH and both >= PURE * sum(ours.values()) and both >= PURE * theirs
        return old if certain and old not in self._names.values() else None

    def _note(self, result: Result) -> None:
        """A result restates all from its beginning on."""
        self._said = [w for w in self._said if result.end - KEPT < _middle(w) < result.start]
        self._said += (word for word in result.words if word.speaker_label is not None)
        if self._before and result.start > self._before[-1].end + 1.0:
            self._before = []  # the audio that was sent again is behind us

    def _change(self, line: object) -> None:
        named = [
            word.labelled(self._names[word.speaker_label])
            for word in self._said
            if word.speaker_label in self._names
        ]
        kept = [w for w in self._before if not any(_is_at(w, other) for other in named)]
        self._before = sorted(kept + named, key=_middle)
        self._line, self._names, self._said = line, {}, []
        self._first = not self._numbers


def _heard_twice(new: Sequence[Word], old: Sequence[Word]) -> Iterable[tuple[str, str]]:
    """The labels of words that are one word, by time and by text."""
    first = new[0].start - 1.0 if new else 0.0
    old = [word for word in old if word.end > first]
    for word in new:
        other = next((other for other in old if _is_same(word, other)), None)
        if other is not None:
            yield word.speaker_label or "", other.speaker_label or ""


def _is_same(word: Word, other: Word) -> bool:
    return abs(_middle(word) - _middle(other)) < NEAR and _bare(word) == _bare(other)


def _is_at(word: Word, other: Word) -> bool:
    return word.start < other.end and other.start < word.end


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _bare(word: Word) -> str:
    """A word without case and punctuation: an interim has not always got them yet."""
    text = unicodedata.normalize("NFKC", word.text).casefold()
    return "".join(sign for sign in text if sign.isalnum())
