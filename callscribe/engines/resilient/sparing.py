"""Another connection in case that the one that listens is dead: when it opens, and hears the leg.

Who gets the leg in the end is decided in ``core``. ``now`` is monotonic seconds. May import
``engines.base``, ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from callscribe.engines.base import EngineEvent, SpeechBegan
from callscribe.engines.resilient.actions import Action, Drop, Line, Open
from callscribe.engines.resilient.clip import clipped
from callscribe.engines.resilient.saying import Saying
from callscribe.errors import CallscribeError
from callscribe.transcript import Result

SPREAD: Final = 0.1
"""Seconds over which spares are opened, for many legs may have fallen silent together."""


@dataclass(slots=True)
class Sparing(Saying):
    """A leg as it stands, and the connection that is kept ready for it."""

    def _doubt(self, line: Line, error: CallscribeError | None, now: float) -> None:
        """Notes that a connection may be dead, or (no error) is not."""
        line.doubt = error
        if error is not None:
            self._spare_from = max(self._spare_from, now + self.jitter() * SPREAD)

    def _keep_ready(self, now: float) -> list[Action]:
        """Has another connection hear the leg as well as long as the one that listens may be dead.

        Who answers first has it. What else becomes of it says nothing of that one: it is no try.
        """
        line, spare = self.active, self.spare
        doubtful = line is not None and line.doubt is not None
        if spare is not None and not (doubtful and line is not None and spare.rung == line.rung):
            self.spare = None
            return [Drop(spare)]
        if spare is not None and not spare.begun and self._may_hear(spare, now):
            # Who is silent may still have words there: they count until it is given up.
            spare.begin(max(self.settled, self._quiet_to), now)
        if line is None or now < self._spares_at:
            return []
        self._spare_from = now + self.patience.stable
        self.spare = Line(line.rung, now)
        return [Open(self.spare)]

    def _may_hear(self, spare: Line, now: float) -> bool:
        if spare.opened_at is None or self._waits_for_onset(spare, now):
            return False
        much = self.received - max(self.settled, self._quiet_to)
        return much <= self.patience.replay * self.rate

    def _spare_answers(self, line: Line, event: EngineEvent) -> bool:
        """Whether the spare has found words that are new while who listens may be dead.

        Where it hears somebody begin to speak is told when it has the leg.
        """
        if line is not self.spare:
            return False
        if isinstance(event, SpeechBegan):
            line.speech = SpeechBegan(event.start + line.base / self.rate)
        silent = self.active
        if silent is None or silent.doubt is None or not isinstance(event, Result):
            return False
        on_clock = event.moved(line.base / self.rate)
        line.proven = bool(clipped(on_clock, self.settled / self.rate).words)
        return line.proven
