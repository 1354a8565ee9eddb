"""Which of two legs heard a voice through the air, and whether it was one voice at all.

Core: no I/O; may import ``events``, ``loudness`` and ``same_words``. Times are float seconds on the
call clock, levels are dB.

The rules, in this order; ``docs/explanation/one-call.md`` gives their measure:

1. As loud as usual on both legs, and their levels do not rise and fall alike: two people spoke.
2. Quieter than usual by ``QUIETER`` more than the other: the copy, whatever the clocks say.
3. Later by more than clocks can be wrong: the copy. Where rule 2 names the other leg, neither is.
4. Otherwise lag, confidence, the number of words and the level vote.

Words too few to tell a voice are one only where rule 2 and the likeness of levels agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import fmean, median
from typing import Final

from callscribe.events import FinalResult
from callscribe.loudness import Levels, likeness
from callscribe.same_words import EARLIEST, Run, Token, is_telling

QUIETER: Final = 6.0
"""How much quieter a copy is for the level to decide, against what is usual on either leg."""

MUCH_QUIETER: Final = 10.0
"""The same for words that two people may well say at once."""

ALIKE: Final = 0.8
"""From here on two legs' levels rise and fall like one voice."""

COVERED: Final = 0.8
"""The share of an utterance's words that makes it a leak as a whole."""


class Copy(Enum):
    """Which of two legs heard the other's voice."""

    LEFT = auto()
    RIGHT = auto()
    NEITHER = auto()


@dataclass(frozen=True, slots=True)
class Heard:
    """One leg's utterance, and how loud it was."""

    said: FinalResult
    tokens: tuple[Token, ...]
    levels: Levels | None = None
    usual: float | None = None
    """The level of the leg's own speech (dB below full scale), where it is known."""

    def above_usual(self, run: Sequence[int]) -> float | None:
        """How much louder than usual some tokens are (dB); None where that is not known."""
        if self.levels is None or self.usual is None:
            return None
        level = self.levels.mean(self.tokens[run[0]].start, self.tokens[run[-1]].end)
        return None if level is None else level - self.usual


@dataclass(frozen=True, slots=True)
class _Compared:
    """The same words on two legs. ``louder`` is how much more usual the right one's level is."""

    run: Run
    lag: float
    likeness: float | None
    left: float | None
    right: float | None

    @property
    def louder(self) -> float:
        """Above 0 where the left leg is quieter than usual and the right one is not."""
        return (self.right or 0.0) - (self.left or 0.0)


def one_voice(left: Heard, right: Heard, runs: Iterable[Run]) -> tuple[Copy, list[Run]]:
    """Which leg has the copy, and those of the same words that are one."""
    compared = [_compare(left, right, run) for run in runs]
    ours = [c for c in compared if _is_one_voice(left, right, c)]
    if not ours:
        return Copy.NEITHER, []
    return _copy(left, right, ours), [c.run for c in ours]


def _compare(left: Heard, right: Heard, run: Run) -> _Compared:
    mine, theirs = [i for i, _ in run], [j for _, j in run]
    lag = median(left.tokens[i].start - right.tokens[j].start for i, j in run)
    start, end = right.tokens[theirs[0]].start, right.tokens[theirs[-1]].end
    alike = None
    if left.levels is not None and right.levels is not None:
        alike = likeness(left.levels, right.levels, start, end, lag)
    return _Compared(run, lag, alike, left.above_usual(mine), right.above_usual(theirs))


def _is_one_voice(left: Heard, right: Heard, found: _Compared) -> bool:
    if is_telling(left.tokens, found.run):
        return found.likeness is None or found.likeness >= ALIKE or abs(found.louder) >= QUIETER
    copy = left if found.louder > 0 else right
    return (
        found.likeness is not None
        and found.likeness >= ALIKE
        and abs(found.louder) >= MUCH_QUIETER
        and len(found.run) >= COVERED * len(copy.tokens)
    )


def _copy(left: Heard, right: Heard, found: Sequence[_Compared]) -> Copy:
    pairs = [pair for compared in found for pair in compared.run]
    lag = median(left.tokens[i].start - right.tokens[j].start for i, j in pairs)
    louder = fmean(compared.louder for compared in found)
    by_level = _side(louder) if abs(louder) >= QUIETER else Copy.NEITHER
    if abs(lag) > -EARLIEST:
        return _side(lag) if by_level in (Copy.NEITHER, _side(lag)) else Copy.NEITHER
    if by_level is not Copy.NEITHER:
        return by_level
    surer = fmean(right.tokens[j].confidence for _, j in pairs) - fmean(
        left.tokens[i].confidence for i, _ in pairs
    )
    more = (pairs[-1][1] - pairs[0][1]) - (pairs[-1][0] - pairs[0][0])
    votes = (2 * _vote(lag / 0.1), _vote(surer / 0.15), _vote(4 * more / len(pairs)))
    return _side(sum(votes) + 2 * _vote(louder / QUIETER))


def _side(score: float) -> Copy:
    return Copy.LEFT if score > 0 else Copy.RIGHT


def _vote(strength: float) -> float:
    return max(-1.0, min(1.0, strength))
