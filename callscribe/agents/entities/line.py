"""What was said, as one line of text that still knows its words; numbers are in digits.

May import core.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from text_to_num import find_numbers  # type: ignore[import-untyped]

from callscribe.transcript import Word

PAUSE = 0.5
"""Seconds of silence between two words that are not one number: "soixante … dix"."""

_PIECE = re.compile(r"[^\W_]+|[^\w\s]|_")
_MANY = {"double": 2, "triple": 3}
_NOUGHTS = ("oh", "o")
_COUNTS = {*_MANY, *_NOUGHTS}


@dataclass(frozen=True, slots=True)
class Found:
    """An entity in a line: what it is, its value, and the stretch of the text it stands in."""

    kind: str
    value: str
    start: int
    end: int
    currency: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or a mark; ``word`` is the index of the word it belongs to."""

    string: str
    word: int
    apart: bool
    """Whether punctuation or a pause stands before it."""

    def text(self) -> str:
        """For the library that finds numbers, like the two that follow."""
        return self.string

    def nt_separated(self, previous: object) -> bool:  # noqa: ARG002
        return self.apart

    def not_a_number_part(self) -> bool:
        return False


class Line:
    """A text that knows its words: parts with the first and the last word of each.

    A space stands between words, and none within one.
    """

    def __init__(self, parts: Sequence[tuple[str, int, int]]) -> None:
        self._parts = parts
        self._begins: list[int] = []
        """Where the parts begin, and the spaces; made when something was found, as mostly not."""
        self._spans: list[tuple[int, int]] = []
        texts: list[str] = []
        before = parts[0][1] if parts else 0
        for text, first, last in parts:
            texts.append(text if first == before else f" {text}")
            before = last
        self.text = "".join(texts)

    def words(self, start: int, end: int) -> tuple[int, int]:
        """The first and the last word of a stretch of the text."""
        if not self._begins:
            self._measure()
        return self._span(start)[0], self._span(end - 1)[1]

    def _span(self, place: int) -> tuple[int, int]:
        return self._spans[bisect_right(self._begins, place) - 1]

    def _measure(self) -> None:
        at, before = 0, self._parts[0][1]
        for text, first, last in self._parts:
            if first != before:
                self._begins.append(at)
                self._spans.append((first, first))
                at += 1
            self._begins.append(at)
            self._spans.append((first, last))
            at += len(text)
            before = last


def as_written(words: Sequence[Word]) -> Line:
    """The words as they are."""
    return Line([(word.text, index, index) for index, word in enumerate(words)])


def in_digits(words: Sequence[Word], language: str) -> Line:
    """The words with their numbers in digits: ``zéro six douze`` is ``06 12``."""
    pieces = list(_pieces(words))
    plain = [piece for piece in pieces if piece.string != "-"]
    numbers = {n.start: n for n in find_numbers(plain, language, 0)}
    rendered: list[tuple[str, int, int]] = []
    place = 0
    while place < len(plain):
        number = numbers.get(place)
        piece = plain[place]
        end = number.end if number else place + 1
        text = number.text if number else piece.string
        rendered.append((text, piece.word, plain[end - 1].word))
        place = end
    if language == "en" and any(text.lower() in _COUNTS for text, _, _ in rendered):
        rendered = list(_as_english_counts(rendered))
    return Line(_with_marks(rendered, pieces))


def _pieces(words: Sequence[Word]) -> Iterator[_Piece]:
    apart = False
    for index, word in enumerate(words):
        if index and word.start - words[index - 1].end > PAUSE:
            apart = True
        if word.text.isalnum():  # as most are: one piece
            yield _Piece(word.text, index, apart)
            apart = False
            continue
        for match in _PIECE.finditer(word.text):
            string = match[0]
            inside = match.start() > 0 and match.end() < len(word.text)
            if string == "-" and inside:
                yield _Piece(string, index, apart=False)
                continue
            yield _Piece(string, index, apart)
            apart = not string.isalnum() and string not in "'’"


def _with_marks(
    rendered: Sequence[tuple[str, int, int]], pieces: Sequence[_Piece]
) -> list[tuple[str, int, int]]:
    """Puts hyphens back where they do not stand within a number said as words."""
    hyphens = {piece.word for piece in pieces if piece.string == "-"}
    if not hyphens:
        return list(rendered)
    result: list[tuple[str, int, int]] = []
    for text, first, last in rendered:
        if result and first in hyphens and result[-1][2] == first and text.isalnum():
            result.append(("-", first, first))
        result.append((text, first, last))
    return result


def _as_english_counts(
    rendered: Sequence[tuple[str, int, int]],
) -> Iterator[tuple[str, int, int]]:
    """``oh`` among digits is a nought; ``double four`` is two of them."""
    times, begin = 1, 0
    for place, (text, first, last) in enumerate(rendered):
        near = [rendered[i][0] for i in (place - 1, place + 1) if 0 <= i < len(rendered)]
        digits = [n for n in near if n.isdigit() or n.lower() in _NOUGHTS]
        follows = place + 1 < len(rendered) and rendered[place + 1][0].isdigit()
        if text.lower() in _MANY and follows:
            times, begin = _MANY[text.lower()], first
        elif text.lower() in _NOUGHTS and digits:
            yield "0", first, last
        elif times > 1:
            yield (text * times if len(text) == 1 else text), begin, last
            times = 1
        else:
            yield text, first, last
