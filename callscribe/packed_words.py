"""The words of what was said a while ago, packed: a few bytes for each.

A call keeps all of its words until it ends; nobody looks at the old ones until then, or until
somebody asks for the transcript. Core: no I/O; may import ``transcript``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from math import floor
from typing import Final, Literal, overload

from msgspec.structs import replace

from callscribe.transcript import Utterance, Word

LATE: Final = 8
"""Utterances that stay as they are: nearly all that is revised, or asked for, is one of these."""


class PackedWords(Sequence[Word]):
    """The words of an utterance, made when somebody looks at them; equal to the tuple of them."""

    __slots__ = ("_labels", "_sure", "_text", "_times")

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        """``text`` is theirs, with a space between and nowhere else: see ``packed``."""
        self._text = text
        self._times = _Numbers([time for w in words for time in (w.start, w.end)], "I", 1000)
        self._sure = _Numbers([word.confidence for word in words], "H", 10_000)
        labels = tuple(word.speaker_label for word in words)
        self._labels = labels if any(label is not None for label in labels) else None

    def __len__(self) -> int:
        return len(self._sure)

    def __iter__(self) -> Iterator[Word]:
        return iter(self._unpacked())

    @overload
    def __getitem__(self, index: int) -> Word: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Word, ...]: ...
    def __getitem__(self, index: int | slice) -> Word | tuple[Word, ...]:
        return self._unpacked()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | PackedWords) and self._unpacked() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._unpacked())

    def __repr__(self) -> str:
        return repr(self._unpacked())

    def _unpacked(self) -> tuple[Word, ...]:
        times = iter(self._times)
        texts, labels = self._text.split(" "), self._labels or (None,) * len(self)
        return tuple(map(Word, texts, times, times, self._sure, labels))


class _Numbers:
    """Numbers in parts of ``1 / scale`` where they are that, as what is written down is.

    ``kind`` is ``array``'s name for those.
    """

    __slots__ = ("_scale", "_values")

    def __init__(self, numbers: list[float], kind: Literal["I", "H"], scale: int) -> None:
        self._values: array[int] | array[float]
        try:
            whole = [floor(number * scale + 0.5) for number in numbers]
            if [value / scale for value in whole] == numbers:
                self._values, self._scale = array(kind, whole), scale
                return
        except (OverflowError, ValueError):  # endless, below 0, too much
            pass
        self._values, self._scale = array("d", numbers), 1

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[float]:
        scale = self._scale
        return iter([value / scale for value in self._values])


def packed(said: Utterance) -> Utterance:
    """An utterance with its words packed, where that can be undone; else as it is."""
    if not isinstance(said.words, tuple) or not said.words:
        return said
    text = " ".join([word.text for word in said.words])
    if text.count(" ") != len(said.words) - 1:  # a word has one within
        return said
    if text == said.text:
        text = said.text  # once is enough
    try:
        return replace(said, words=PackedWords(text, said.words))
    except TypeError:  # what an engine said is no number
        return said


def pack_old(said: list[Utterance], *, all_of_it: bool = False) -> None:
    """Packs what is no longer among the latest: the last that is not, which becomes old with each.

    Or all of that, where a transcript was read.
    """
    old = len(said) - LATE
    for place in range(0 if all_of_it else max(old - 1, 0), old):
        said[place] = packed(said[place])
