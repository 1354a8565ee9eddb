"""What one connection to Deepgram has not answered yet, and when that is too much.

Counts samples and looks at a clock that is handed in. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

STALL: Final = 20.0
"""Seconds of audio that may go unanswered, for as many seconds; Deepgram answers to silence too,
every few seconds."""

FINALIZE_PATIENCE: Final = 2.0
"""Seconds that a Finalize may go without an answer; where nothing was open, none comes."""


class Watch:
    """Sees whether anything comes back for the audio, and for a Finalize."""

    def __init__(self, rate: int, monotonic: Callable[[], float]) -> None:
        self.received = 0
        """Samples."""
        self.finalize_due: float | None = None
        """When the answer to a Finalize is given up, on the monotonic clock."""
        self._rate = rate
        self._monotonic = monotonic
        self._answered = 0
        """Samples that had been received when the last message came."""
        self._asked_at = monotonic()
        """Since when an answer is waited for."""

    @property
    def seconds(self) -> float:
        """How much audio has been received."""
        return self.received / self._rate

    def audio(self, samples: int) -> None:
        """Notes audio that came in."""
        if self._answered == self.received:
            self._asked_at = self._monotonic()
        self.received += samples

    def answer(self) -> None:
        """Notes a message of the server."""
        self._answered = self.received
        self._asked_at = self._monotonic()

    def finalize(self) -> None:
        """Notes that a final was asked for."""
        self.finalize_due = self._monotonic() + FINALIZE_PATIENCE

    @property
    def finalize_is_overdue(self) -> bool:
        """Whether the answer to a Finalize is to be given up."""
        return self.finalize_due is not None and self._monotonic() >= self.finalize_due

    @property
    def unanswered(self) -> float:
        """Seconds of audio since the last message."""
        return (self.received - self._answered) / self._rate

    @property
    def is_stalled(self) -> bool:
        """Whether the server takes audio and gives nothing back."""
        # Both, for a minute that was kept elsewhere may come in one burst.
        return self.unanswered > STALL and self._monotonic() - self._asked_at > STALL
