"""What is told of a leg's way through outages: who listens, that nobody does, that text is late.

Places are samples on the leg's own clock; ``now`` is monotonic seconds. May import
``engines.base``, ``errors`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callscribe.engines.base import Deaf, Late, Listening, TakenOver
from callscribe.engines.resilient.actions import Action, Tell
from callscribe.engines.resilient.quiet import REACH
from callscribe.engines.resilient.rules import LIVE
from callscribe.engines.resilient.standing import Standing
from callscribe.errors import EngineError

TOLD: Final = 3.0
"""Seconds by which the text is late that are told, where it is the same engine that listens on."""
SHOWN: Final = 0.5
"""Seconds around words that were shown which are heard again too, whatever is silent there."""


@dataclass(slots=True)
class Saying(Standing):
    """A leg as it stands, and what people know of that."""

    quiet: Callable[[int, int, int], int] = lambda near, _low, _high: near
    """Where to cut the audio near a sample, no sooner than one and no later than another."""
    kept_from: int = 0
    """The first sample that is still there to be heard again; set by who keeps the audio."""
    _told_rung: int = 0
    """The engine that was named last to who listens; -1: it was told that nobody listens."""
    _told_late: bool = False
    """It was told that the text is late, and it has not caught up since."""

    def _is_heard(self) -> list[Action]:
        """Notes that whoever has the leg does listen, and says who that is."""
        told = self._alone_told
        self._alone_since, self._alone_told = None, False
        if not told and self.active is not None and self.active.rung == self._told_rung:
            return []  # nearly always
        return self._say_who(again=told)

    def _say_who(self, *, again: bool = False) -> list[Action]:
        """Says who listens, where that was not said."""
        if self.active is None or (self.active.rung == self._told_rung and not again):
            return []
        self._told_rung = self.active.rung
        name = self.rungs[self._told_rung].name
        slow = EngineError(f"{self.rungs[0].name} takes too long to connect", code="engine_slow")
        taken_over = TakenOver(name, self._error or slow)
        return [Tell(taken_over if self._told_rung else Listening(name))]

    def _say_late(self) -> list[Action]:
        """Says, once, that an engine which is back at once has much to hear first."""
        line, error = self.active, self._error
        if line is None or error is None or self._told_late or line.rung != self._told_rung:
            return []
        seconds = (self.received - line.sent) / self.rate
        if seconds < TOLD or self.rungs[line.rung].pace == LIVE:
            return []
        self._told_late = True
        return [Tell(Late(self.rungs[line.rung].name, seconds, error))]

    def _worry(self, now: float) -> list[Action]:
        """Says, once in an outage, that nobody listens for now, and that what is said is kept."""
        if now < self._worries_at:
            return []
        self._alone_told = True
        if self._told_rung == -1:  # it was said for good
            return []
        away = EngineError("no engine answers", code="engine_slow")
        return [Tell(Deaf(self._error or away, kept=True))]

    def _despair(self, now: float) -> list[Action]:
        """Says that nobody listens, once, and what is not heard because of that, in pieces."""
        error = self.hopeless
        if error is None or not self.begun or now < self._sought_until:
            return []
        self._pass_over_silence()
        told = self._told_rung == -1
        untold = self.received - self.settled
        if told and untold < self.patience.untold * self.rate:
            return []
        self._told_rung = -1
        low = max(self.settled, self.received - int(2 * REACH * self.rate))
        end = self.quiet(self.received, low, self.received)
        actions: list[Action] = [Tell(gap) for gap in self._progress.gap(end, error.message)]
        return actions if told else [*actions, Tell(Deaf(error))]

    def _pass_over_silence(self) -> None:
        """Takes as silent what is: a line of limited pace would be late by as much."""
        self._progress.settled = max(self.settled, self._quiet_to)

    @property
    def _quiet_to(self) -> int:
        """The sample before which nobody speaks in what is not settled."""
        if self.kept_from > self.settled:
            return 0  # nobody has listened to what is lost
        quiet_to = min(self._silent_to, self.received)
        shown = self._progress.first_shown
        if shown is not None:  # whoever showed words there has heard some
            quiet_to = min(quiet_to, shown - int(SHOWN * self.rate))
        return quiet_to
