"""Who has the floor: one sweep over stretches of speech, in the order in which they begin.

Core: no I/O, imports nothing of ours. All times are float seconds on the call clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

JOINT: Final = 0.5
"""A pause up to this long is part of the speech around it. Measured on eight legs: over less, the
small pauses between recognised words are lost; over more, the speech fits hardly better, and the
share of the talk moves away from the true one."""

SHORT: Final = 1.0
"""Speech up to this long does not take the floor: "oui", "d'accord"."""

PAUSE: Final = 2.0
"""Longer silence is dead air, and ends a monologue."""

EXACT: Final = 1e-6
"""Seconds that differences of times may be off, computed as they are."""

CUT_IN: Final = 0.5
"""How long one must have spoken already, and go on, for another to interrupt."""

UNHEARD: Final = -1
"""The line of what nobody heard: no speech, and no silence either."""


@dataclass(slots=True)
class Totals:
    """What the sweep adds up; lists by the number of the speaker's line."""

    talk: list[float] = field(default_factory=list)
    monologue: list[float] = field(default_factory=list)
    interruptions: list[int] = field(default_factory=list)
    talk_over: float = 0.0
    dead_air: float = 0.0
    longest_dead_air: float = 0.0
    unheard: float = 0.0


@dataclass(slots=True)
class _Span:
    """One line's speech without a pause worth the name."""

    line: int
    start: float
    end: float

    @property
    def is_long(self) -> bool:
        return self.end - self.start > SHORT


class Sweep:
    """Takes stretches in the order of their start and adds up who spoke when.

    What happened is settled only where no later stretch can change it any more, so that it makes
    no difference how speech is cut into stretches.
    """

    def __init__(self) -> None:
        self._totals = Totals()
        self._open: list[_Span] = []
        """The spans that end after what is settled, by their start."""
        self._settled = float("-inf")
        self._heard_to: float | None = None
        """Since then it is silent; None before the first speech."""
        self._quiet: list[float] = []
        """Silences between gaps since the last speech: dead air if more speech follows."""
        self._holder: int | None = None
        self._held_from = self._held_to = 0.0

    def copy(self) -> Sweep:
        """A sweep that goes on from here by itself."""
        totals = replace(
            self._totals,
            talk=[*self._totals.talk],
            monologue=[*self._totals.monologue],
            interruptions=[*self._totals.interruptions],
        )
        own = {
            "_totals": totals,
            "_open": [replace(span) for span in self._open],
            "_quiet": [*self._quiet],
        }
        other = Sweep()
        vars(other).update(vars(self) | own)
        return other

    def feed(self, start: float, end: float, line: int) -> None:
        """The next stretch; ``start`` is not before that of the last one, ``end`` after it."""
        self._settle(start - JOINT - SHORT)
        joint = 0.0 if line == UNHEARD else JOINT
        for span in reversed(self._open):
            if span.line == line and start <= span.end + joint:
                span.end = max(span.end, end)
                return
        self._open.append(_Span(line, start, end))

    def finish(self, lines: int) -> Totals:
        """The totals for so many speakers, if nothing more comes: the sweep cannot go on."""
        self._settle(max((span.end for span in self._open), default=self._settled))
        for line in range(lines):
            self._make_room(line)
        return self._totals

    def _settle(self, to: float) -> None:
        if to <= self._settled:
            return
        edges = {edge for span in self._open for edge in (span.start, span.end)}
        inside = sorted(edge for edge in edges if self._settled < edge < to)
        begin = self._settled
        for end in [*inside, to]:
            on = [span for span in self._open if span.start <= begin and span.end >= end]
            if on:
                self._stretch(begin, end, on)
            begin = end
        self._settled = to
        # A span that may still grow has its end within JOINT of what comes next.
        self._open = [span for span in self._open if span.end > to]

    def _stretch(self, begin: float, end: float, on: list[_Span]) -> None:
        """From ``begin`` to ``end`` just these spans are on."""
        speaking = [span for span in on if span.line != UNHEARD]
        self._silence(begin, end, speaks=bool(speaking))
        seconds = end - begin
        totals = self._totals
        if len(speaking) < len(on):
            totals.unheard += seconds
        if len(speaking) > 1:
            totals.talk_over += seconds
        for span in speaking:
            self._make_room(span.line)
            totals.talk[span.line] += seconds
            if span.start == begin and span.is_long and self._cuts_in(span, speaking):
                totals.interruptions[span.line] += 1
        self._floor(begin, end, speaking)

    def _silence(self, begin: float, end: float, *, speaks: bool) -> None:
        """Counts the silence before this stretch, once speech has followed it."""
        if self._heard_to is None:
            self._heard_to = end if speaks else None
            return
        quiet = begin - self._heard_to
        if quiet > PAUSE + EXACT:
            self._quiet.append(quiet)
        self._heard_to = end
        if speaks and self._quiet:
            totals = self._totals
            totals.dead_air += sum(self._quiet)
            totals.longest_dead_air = max(totals.longest_dead_air, *self._quiet)
            self._quiet.clear()

    @staticmethod
    def _cuts_in(span: _Span, speaking: list[_Span]) -> bool:
        at = span.start
        return any(
            other.start <= at - CUT_IN and other.end >= at + CUT_IN
            for other in speaking
            if other is not span
        )

    def _floor(self, begin: float, end: float, speaking: list[_Span]) -> None:
        takers = [span.line for span in speaking if span.is_long]
        if len(takers) > 1:
            self._holder = None
            return
        lapsed = begin - self._held_to > PAUSE
        if takers and (lapsed or takers[0] != self._holder):
            self._holder, self._held_from = takers[0], begin
        elif lapsed or self._holder not in [span.line for span in speaking]:
            return
        self._held_to = end
        line = self._holder
        longest = self._totals.monologue
        longest[line] = max(longest[line], end - self._held_from)

    def _make_room(self, line: int) -> None:
        totals = self._totals
        while len(totals.talk) <= line:
            totals.talk.append(0.0)
            totals.monologue.append(0.0)
            totals.interruptions.append(0)
