"""Where a caption is cut, and where its lines break. May import ``pieces``.

A cut is best behind a sentence, then behind a clause, then before a conjunction; a line
does not end with a word that belongs to the next. Among equals the halves are nearest in length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from callscribe.export.pieces import Block, Piece

MAX_CHARS: Final = 42
"""The longest line, characters."""

MAX_MS: Final = 7_000
"""How long a cue may stand, milliseconds."""

SHORT: Final = 20
"""Characters below which a cue of its own is ugly."""

PAUSE: Final = 1.5
"""Seconds of silence that a cue should not hold within it."""

_SENTENCE_END = re.compile(r"[.?!…。？！][\s\"'»”’)]*$")
_CLAUSE_END = re.compile(r"[,;:、，；][\s\"'»”’)]*$")

_CONJUNCTION_WORDS = """
et ou mais donc car que qu'il qu'elle qu'on qui quand parce puis si comme où alors
and or but so because that which who when while if then as where
und oder aber denn weil dass wenn als y o pero porque e ma perché mas
"""

_LEADING_WORDS = """
le la les un une des du de au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos
votre vos leur leurs je tu il elle on nous vous ils elles est-ce ne se en y à par pour chez depuis
devant dans sur avec sans très a an the my your his her its our their i you he she we they of to
in on at for with by from is are was not no der die das ein eine zu mit von el los las una del lo
gli um uma os do da
"""

_CONJUNCTIONS = frozenset(_CONJUNCTION_WORDS.split())
"""A line may well begin with one of these."""

_LEADING = frozenset(_LEADING_WORDS.split()) | _CONJUNCTIONS
"""A line should not end with one of these: they belong to what follows."""

_CUT_COSTS: Final = (0, 4, 10, 20, 32, 60)
"""How bad it is to cut at each rank of ``rank``."""


def rank(before: str, after: str) -> int:
    """How well a cut between two words sits, from 0 (end of a sentence) to 5 (never)."""
    if not any(map(str.isalnum, after)):
        return 5  # the mark behind a French question
    if _SENTENCE_END.search(before):
        return 0
    if _CLAUSE_END.search(before):
        return 1
    if before.lower() in _LEADING or after.lower().startswith(("d'", "d’")):
        return 4
    return 2 if after.lower() in _CONJUNCTIONS else 3


def lay_out(texts: Sequence[str], lead: str, joiner: str) -> tuple[str, ...]:
    """One line if it is short enough, else two, broken at the best place; ``lead`` begins it."""
    whole = lead + joiner.join(texts)
    if len(whole) <= MAX_CHARS or len(texts) == 1:
        return (whole,)
    ways = [
        (lead + joiner.join(texts[:index]), joiner.join(texts[index:]))
        for index in range(1, len(texts))
    ]
    fitting = [index for index, lines in enumerate(ways) if max(map(len, lines)) <= MAX_CHARS]
    if not fitting:
        return min(ways, key=lambda lines: max(map(len, lines)))

    def badness(index: int) -> tuple[int, int]:
        first, second = map(len, ways[index])
        seam = max(1, rank(texts[index], texts[index + 1]))
        if seam < 3 and 4 * min(first - len(lead), second) < max(first, second):
            seam = 3  # a good break, but of a stub
        return seam, abs(first - second)

    return ways[min(fitting, key=badness)]


def split(block: Block, lead: str, lines: int = 2) -> list[Block]:
    """A block in parts of so many lines at most, cut where that harms least.

    A single piece may be longer than a line or than ``MAX_MS``; it stays whole.
    """
    pieces = block.pieces
    best = [0.0, *[float("inf")] * len(pieces)]
    came_from = [0] * (len(pieces) + 1)
    for start in range(len(pieces)):
        for end in range(start + 1, len(pieces) + 1):
            if end > start + 1 and not _fit(pieces[start:end], len(lead), block.joiner, lines):
                break
            cost = best[start] + _cost(pieces, start, end, block.joiner)
            if cost < best[end]:
                best[end], came_from[end] = cost, start
    parts: list[Block] = []
    end = len(pieces)
    while end:
        start = came_from[end]
        parts.append(replace(block, pieces=pieces[start:end]))
        end = start
    return parts[::-1]


def fits(block: Block, lead: str) -> bool:
    """Whether a block is one cue."""
    return _fit(block.pieces, len(lead), block.joiner, 2)


def _fit(pieces: Sequence[Piece], lead: int, joiner: str, lines: int) -> bool:
    """Whether pieces can be laid out in so many lines, and stand long enough to be spoken."""
    if (pieces[-1].end - pieces[0].start) * 1000 > MAX_MS:
        return False
    length, left = lead - len(joiner), lines - 1
    for piece in pieces:
        length += len(joiner) + len(piece.text)
        if length > MAX_CHARS:
            length, left = len(piece.text), left - 1
            if left < 0 or length > MAX_CHARS:
                return False
    return True


def _cost(pieces: Sequence[Piece], start: int, end: int, joiner: str) -> float:
    """How bad a part is: that there is one more, that it is a stub, and where it is cut."""
    part = pieces[start:end]
    length = sum(len(piece.text) + len(joiner) for piece in part)
    cost = 12.0 + max(0, SHORT - length)
    cost += sum(60 for one, next_ in pairwise(part) if next_.start - one.end > PAUSE)
    if end < len(pieces):
        cost += _CUT_COSTS[rank(pieces[end - 1].text, pieces[end].text)]
    return cost
