"""Which of two legs heard a voice through the air, and whether it was one voice at all.

Core: no I/O; may import ``events``, ``loudness`` and ``same_words``. Times are float seconds on the
call clock, levels are dB.

The rules, in this order; ``docs/explanation/one-call.md`` gives their measure:

1. Levels that do not rise and fall alike (``LIKENESS``): two people spoke.
2. Quieter than usual by ``QUIETER`` more than the other: the copy, whatever the clocks say. Where
   that does not tell, as on a leg that has said nothing yet: by ``MUCH_QUIETER`` quieter as such.
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

LIKENESS: Final = ((8.0, -1.0), (4.0, 0.7), (0.0, ALIKE))
"""How alike they must be where one is quieter than usual by so many dB more than the other: two
people who say the same are both about as loud as usual."""

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

    def level(self, tokens: Sequence[int]) -> float | None:
        """How loud some tokens are (dB below full scale); None where that is not known."""
        if self.levels is None:
            return None
        return self.levels.mean(self.tokens[tokens[0]].start, self.tokens[tokens[-1]].end)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The same words on two legs. All levels are above 0 where the left leg is the quieter one."""

    run: Run
    lag: float
    likeness: float | None
    louder: float
    """How much more the right leg is above its usual level; an unknown one is as usual."""
    plain: float
    """How much louder the right leg is."""


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
    if left.levels is None or right.levels is None:
        return _Compared(run, lag, None, 0.0, 0.0)
    alike = likeness(left.levels, right.levels, start, end, lag)
    here, there = left.level(mine), right.level(theirs)
    if here is None or there is None:
        return _Compared(run, lag, alike, 0.0, 0.0)
    louder = _above(there, right.usual) - _above(here, left.usual)
    return _Compared(run, lag, alike, louder, there - here)


def _above(level: float, usual: float | None) -> float:
    return 0.0 if usual is None else level - usual


def _is_one_voice(left: Heard, right: Heard, found: _Compared) -> bool:
    if is_telling(left.tokens, found.run):
        least = next(alike for quieter, alike in LIKENESS if abs(found.louder) >= quieter)
        return found.likeness is None or found.likeness >= least
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
    plain = fmean(compared.plain for compared in found)
    by_level = Copy.NEITHER
    if abs(louder) >= QUIETER:
        by_level = _side(louder)
    elif abs(plain) >= MUCH_QUIETER:
        by_level = _side(plain)
    if abs(lag) > -EARLIEST:
        return _side(lag) if by_level in (Copy.NEITHER, _side(lag)) else Copy.NEITHER
    if by_level is not Copy.NEITHER:
        return by_level
    surer = fmean(right.tokens[j].confidence for _, j in pairs) - fmean(
        left.tokens[i].confidence for i, _ in pairs
    )
    more = (pairs[-1][1] - pairs[0][1]) - (pairs[-1][0] - pairs[0][0])
    votes = (2 * _vote(lag / 0.1), _vote(surer / 0.15), _vote(4 * more / len(pairs)))
    quieter = (louder / QUIETER + plain / MUCH_QUIETER) / 2
    return _side(sum(votes) + 2 * _vote(quieter))


def _side(score: float) -> Copy:
    return Copy.LEFT if score > 0 else Copy.RIGHT


def _vote(strength: float) -> float:
    return max(-1.0, min(1.0, strength))
