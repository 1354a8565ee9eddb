"""Says once that a connection may be dead, and once that it is not.

May import ``engines.base``, ``engines.telling`` and its own room.
"""

from __future__ import annotations

from callscribe.engines.base import Doubtful
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.telling import EngineTeller


class Doubt:
    """What was last said of it, to the leg's callback."""

    def __init__(self, watch: Watch, teller: EngineTeller, request_id: str) -> None:
        self.is_told = False
        """It was told that the connection may be dead."""
        self._watch = watch
        self._teller = teller
        self._request_id = request_id

    def look(self) -> None:
        """Says it where that has changed."""
        watch = self._watch
        if watch.is_doubtful is not self.is_told:
            self.is_told = not self.is_told
            error = faults.deaf(watch.deaf_for, self._request_id) if self.is_told else None
            self._teller.put(Doubtful(error))
