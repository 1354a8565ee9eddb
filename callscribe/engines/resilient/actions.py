"""Connections as the core sees them, and what is to be done with them.

May import ``engines.base``, ``engines.lane`` and ``errors``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from callscribe.engines.base import EngineEvent, SpeechBegan
from callscribe.engines.lane import Lane
from callscribe.errors import CallscribeError, CapacityError


class Cut(NamedTuple):
    """Where a connection was not sent a part of the leg, since nobody speaks there."""

    at: int
    """Behind which of the connection's own samples."""
    place: int
    """The leg's first sample that was left out."""
    left_out: int
    """How many were, all before counted."""


@dataclass(slots=True, eq=False)
class Line:
    """One connection to one engine, or the attempt to open it."""

    rung: int
    asked_at: float
    base: int = 0
    """The leg's sample that is this connection's first."""
    sent: int = 0
    """The leg's sample that it is to be sent next."""
    opened_at: float | None = None
    fed_at: float = 0.0
    """Since when it is given audio."""
    begun: bool = False
    """It is given audio."""
    lasted: bool = False
    doubt: CallscribeError | None = None
    """It does not answer, and may be dead: what it would be given up for."""
    proven: bool = False
    """It has answered where another one did not."""
    speech: SpeechBegan | None = None
    """Where it hears somebody begin to speak, of what is not told yet: it has not the leg."""
    waits: CapacityError | None = None
    """Why it is not opened yet: the engine is full, and the line has its place in the queue."""
    look_at: float = 0.0
    """When it is worth a look whether a final is to be asked for."""
    asked_to: int = 0
    """The leg's sample before which finals were asked for."""
    lane: Lane | None = None
    """How audio that nothing is in the way of gets to its engine."""
    pauses: list[tuple[int, int]] = field(default_factory=list)
    """Where nobody speaks in what it is to be sent: samples of the leg, in order."""
    cuts: list[Cut] = field(default_factory=list)
    """Where pauses were left out, in order."""

    def begin(self, base: int, now: float) -> None:
        """From now on it is given audio, from a sample of the leg on."""
        self.base = self.sent = base
        self.begun, self.fed_at = True, now

    @property
    def left_out(self) -> int:
        """Samples of the leg since ``base`` that it was not sent, since nobody speaks there."""
        return self.cuts[-1].left_out if self.cuts else 0

    @property
    def given(self) -> int:
        """Samples that it was sent."""
        return self.sent - self.base - self.left_out


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection; ``opened`` or ``failed`` is to follow."""

    line: Line


@dataclass(frozen=True, slots=True)
class Drop:
    """Close a connection, or stop opening it; nothing that it says counts any more."""

    line: Line


@dataclass(frozen=True, slots=True)
class Finalize:
    """Ask a connection for a final of what it was sent; there may be no answer."""

    line: Line


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand an event on."""

    event: EngineEvent


Action = Open | Drop | Finalize | Tell
