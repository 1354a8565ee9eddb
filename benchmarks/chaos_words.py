"""What became of a call's words when something went wrong: lost, doubled, moved, or nothing.

Pure: no audio, no clock. The words of a disturbed leg are aligned with those of the same leg
undisturbed, by text and by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from callscribe.transcript import Word
from callscribe.wer import normalize

SAME = 5.0
"""Seconds by which a word may be away from its place and still be the same word."""
IN_PLACE = 1.5
"""Seconds by which another word may be away and still stand in a word's place."""
MOVED = 0.5
"""Seconds from which on a word is wrong in time."""
TWICE = 1.0
"""Seconds within which a further word of the same text is that word again."""
WRITTEN = 0.5
"""The share of a word's time in which new words are written, from which on it is not lost."""
EDGE = 0.3
"""Seconds by which a gap and a word at its edge may differ: neither is exact."""
SLOWER = 0.1
"""What a second away costs; an error costs 1."""

Span = tuple[float, float]


class Placed(NamedTuple):
    """A word as it is compared, and where it stands (s)."""

    text: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """Where it is."""
        return (self.start + self.end) / 2


@dataclass
class Difference:
    """What one transcript has and the other has not."""

    lost: list[Placed] = field(default_factory=list)
    """Words that are left out: what stands there, if anything, stood there before."""
    doubled: list[Placed] = field(default_factory=list)
    extra: list[Placed] = field(default_factory=list)
    """Words that have no counterpart and repeat none."""
    merged: list[Placed] = field(default_factory=list)
    """Words without a counterpart where other words are written, or a part of which is written:
    two of them were heard as one, or one (l'ensemble) as another (ensemble)."""
    other: list[tuple[Placed, Placed]] = field(default_factory=list)
    """Heard differently."""
    moved: list[tuple[Placed, Placed]] = field(default_factory=list)


def placed(words: Iterable[Word]) -> list[Placed]:
    """Words in the order of their times, in the form in which transcripts are compared."""
    found = [Placed(part, w.start, w.end) for w in words for part in normalize(w.text)]
    return sorted(found, key=lambda word: word.middle)


def compare(before: Sequence[Placed], after: Sequence[Placed]) -> Difference:
    """The cheapest way from one transcript to the other, by edits."""
    found = Difference()
    inserted: list[Placed] = []
    missing: list[Placed] = []
    standing: set[Span] = set()
    for old, new in _path(before, after):
        if old is not None and new is not None:
            standing.add((old.start, old.end))  # parts of one written word have one time
        if old is None and new is not None:
            inserted.append(new)
        elif new is None and old is not None:
            missing.append(old)
        elif old is not None and new is not None:
            if old.text != new.text:
                found.other.append((old, new))
            elif abs(old.middle - new.middle) > MOVED and not _is_within(old, new):
                found.moved.append((old, new))
    changed = [*inserted, *(new for _, new in found.other)]
    for word in missing:
        written = (word.start, word.end) in standing or _is_written(word, changed)
        (found.merged if written else found.lost).append(word)
    for word in inserted:
        again = any(
            other is not word
            and other.text == word.text
            and abs(other.middle - word.middle) <= TWICE
            for other in after
        )
        (found.doubled if again else found.extra).append(word)
    return found


def _path(
    before: Sequence[Placed], after: Sequence[Placed]
) -> list[tuple[Placed | None, Placed | None]]:
    """Pairs of the alignment, in order; None where one side has nothing."""
    costs = [[float(column) for column in range(len(after) + 1)]]
    for row, old in enumerate(before, 1):
        line = [float(row)]
        above = costs[-1]
        for column, new in enumerate(after, 1):
            pair = above[column - 1] + _cost(old, new)
            line.append(min(pair, above[column] + 1, line[-1] + 1))
        costs.append(line)
    pairs: list[tuple[Placed | None, Placed | None]] = []
    row, column = len(before), len(after)
    while row or column:
        here = costs[row][column]
        if row and column:
            old, new = before[row - 1], after[column - 1]
            if here == costs[row - 1][column - 1] + _cost(old, new):
                pairs.append((old, new))
                row, column = row - 1, column - 1
                continue
        if row and here == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((before[row], None))
        else:
            column -= 1
            pairs.append((None, after[column]))
    return pairs[::-1]


def _is_within(old: Placed, new: Placed) -> bool:
    """Whether a word is a part of one that is written as a whole: 06 39 98 has one time then."""
    return new.start - EDGE <= old.start and old.end <= new.end + EDGE


def _is_written(word: Placed, changed: Iterable[Placed]) -> bool:
    """Whether words that were heard differently stand in half of this one's time at least.

    Words that are the same as before do not count: a recogniser that leaves a word out gives its
    time to a neighbour.
    """
    covered = sum(max(min(w.end, word.end) - max(w.start, word.start), 0.0) for w in changed)
    return covered > 0 and covered >= WRITTEN * (word.end - word.start)


def _cost(old: Placed, new: Placed) -> float:
    away = abs(old.middle - new.middle)
    if old.text == new.text:
        return away * SLOWER if away <= SAME else float("inf")
    return 1 + away * SLOWER if away <= IN_PLACE else float("inf")


def outside(words: Iterable[Placed], gaps: Sequence[Span]) -> list[Placed]:
    """The words that lie in none of the gaps."""
    return [w for w in words if not any(s - EDGE <= w.middle <= e + EDGE for s, e in gaps)]


def inside(words: Iterable[Placed], gaps: Sequence[Span]) -> list[Placed]:
    """The words that stand where nobody is said to have listened."""
    return [w for w in words if any(s + EDGE < w.middle < e - EDGE for s, e in gaps)]


def longest_without_text(spoken: Iterable[Span], shown: Iterable[float]) -> tuple[float, float]:
    """The most seconds of speech that passed while no text came, and when it came at last.

    Pauses do not count.
    """
    speech = joined(spoken)
    steps = sorted(
        [(at, "text") for at in shown]
        + [(start, "begin") for start, _ in speech]
        + [(end, "end") for _, end in speech]
    )
    longest, ended, silent = 0.0, 0.0, 0.0
    since: float | None = None
    for at, what in steps:
        if since is not None:
            silent += at - since
            since = at
        if silent > longest:
            longest, ended = silent, at
        if what == "begin":
            since = at
        elif what == "end":
            since = None
        else:
            silent = 0.0
    return longest, ended


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch made one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
