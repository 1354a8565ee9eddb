"""Which finals of a leg are heard again, when, and with which neighbours.

Sans-IO: finals and the leg's time go in, clips come out. Times are leg seconds. May import
``transcript`` and its own room.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from callscribe.engines.rehearing.clip import GAP, Clip, together
from callscribe.transcript import Result, mean_confidence

AROUND: Final = 10.0
"""Seconds of the same voice before and behind a final that it is heard with: having heard more of a
voice, and what came of a sentence, a recogniser understands it better."""
PATIENCE: Final = 12.0
"""Seconds for which more is waited for to be said behind it."""
LONGEST: Final = 24.0
"""Seconds of a clip at most. Whisper hears 30 at once; its memory grows with the square of them."""
LEAD: Final = 0.25
"""Seconds before a final's first word that belong to it, where nobody spoke before."""
TAIL: Final = 0.3
"""The same behind its last word."""
GUESSED: Final = 0.6
"""Words that are less sure than that were guessed: alone they will be guessed again. So they are
heard with what is said behind them even where that is paid for once more."""
MOST: Final = 20
"""Finals that may wait, more than are said within ``PATIENCE``; of more the oldest is left."""
KEPT: Final = 60.0
"""Seconds of the leg that are kept for it at most."""
ROUNDING: Final = 1e-4
"""Seconds that a place may be off which whole samples were made of."""


@dataclass(slots=True, eq=False)
class Said:
    """A final and the stretch of the leg that is its own."""

    result: Result
    start: float
    end: float
    by: str
    """The engine that said it."""
    told_at: float
    """The leg's time then; much later where an engine is late."""

    @property
    def seconds(self) -> float:
        """How long it takes in a clip."""
        return self.end - self.start + GAP


def is_guessed(final: Result) -> bool:
    """Whether a final is so unsure that it has to be heard with more than its own stretch."""
    return mean_confidence(final.words) < GUESSED


class Choice:
    """The finals of one leg, and which of them are to be heard again."""

    def __init__(self) -> None:
        self.in_company = True
        """Whether all are heard with their neighbours. Else only what is guessed is, with those
        behind it, and nothing is kept but what waits."""
        self._said: deque[Said] = deque()
        self._waiting: deque[Said] = deque()
        self.due_at: float | None = None
        """The leg's time at which to look although nothing more was said; None: nothing waits."""

    def add(self, result: Result, by: str, *, again: bool, heard: float = 0.0) -> None:
        """Takes the leg's next final, which engine said it, and whether to hear it ``again``.

        ``heard`` is the leg's time.
        """
        if not result.words:
            return
        start, end = result.words[0].start - LEAD, result.words[-1].end + TAIL
        if self._said:
            before = self._said[-1]
            border = (before.result.words[-1].end + result.words[0].start) / 2
            before.end, start = min(before.end, max(border, before.start)), max(start, border)
        said = Said(result, max(start, 0.0), end, by, max(end, heard))
        self._said.append(said)
        if again:
            self._waiting.append(said)
            while len(self._waiting) > MOST:
                self._waiting.popleft()
        self._note()

    def take(self, heard: float, *, kept_from: float = 0.0, ended: bool = False) -> Clip | None:
        """The next clip, if enough has been said behind its final; ``heard`` is the leg's time.

        Audio before ``kept_from`` is not there any more: neighbours of then are left out, and
        finals stay as they are. ``ended``: nothing more will be said.
        """
        while self._waiting and self._waiting[0].start < kept_from - ROUNDING:
            self._waiting.popleft()
        # What waits for more does not keep what does not from its turn.
        said = next((one for one in self._waiting if self._is_due(one, heard, ended=ended)), None)
        if said is not None:
            self._waiting.remove(said)
        clip = self._clip(said, heard, kept_from) if said is not None else None
        self._note()
        return clip

    def needed_from(self, heard: float) -> float:
        """Where the audio begins that may still be wanted."""
        while self._said and self._said[0].start < heard - KEPT:
            self._said.popleft()
        wanted = [*self._waiting][:1]
        if not self.in_company:
            return wanted[0].start if wanted else self._end(heard)
        room, oldest = AROUND, wanted[0].start if wanted else heard
        for said in reversed(self._said):
            if said.start < oldest:
                room -= said.seconds
                if room < 0:
                    break
                oldest = said.start
        return max(min(oldest, self._end(heard)), heard - KEPT)

    def _end(self, heard: float) -> float:
        """Where the last final ends: what comes behind it may be part of the next."""
        return min(self._said[-1].end - TAIL if self._said else 0.0, heard)

    def _clip(self, said: Said, heard: float, kept_from: float) -> Clip:
        around = [said]
        oldest = kept_from - ROUNDING
        if self._has_company(said) and said in self._said:
            everything = list(self._said)
            at = everything.index(said)
            seconds = said.seconds
            before = everything[:at][::-1] if self.in_company else []
            for others in (everything[at + 1 :], before):
                room = AROUND
                for other in others:
                    room -= other.seconds
                    if room < 0 or seconds + other.seconds > LONGEST or other.start < oldest:
                        break
                    seconds += other.seconds
                    around.append(other)
        around.sort(key=lambda one: one.start)
        stretches = [(one.start, min(one.end, heard)) for one in around]
        return together(said.result, said.by, stretches, around.index(said))

    def _note(self) -> None:
        self.due_at = min(map(self._due_at, self._waiting), default=None)

    def _is_due(self, said: Said, heard: float, *, ended: bool) -> bool:
        behind = sum(other.seconds for other in self._said if other.start > said.start)
        return ended or behind >= AROUND or heard >= self._due_at(said)

    def _due_at(self, said: Said) -> float:
        # Where an engine is late, what is said behind a final is told late, too.
        return said.told_at + PATIENCE if self._has_company(said) else said.end + TAIL

    def _has_company(self, said: Said) -> bool:
        return self.in_company or is_guessed(said.result)
