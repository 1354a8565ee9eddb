"""Connections as the core sees them, and what is to be done with them. Imports ``engines.base``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callscribe.engines.base import EngineEvent
from callscribe.errors import CapacityError


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
    lasted: bool = False
    waits: CapacityError | None = None
    """Why it is not opened yet: the engine is full, and the line has its place in the queue."""
    take: Callable[[bytes], bool] | None = None
    """Gives audio to an engine that can take it without any waiting; false: it did not."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection; ``opened`` or ``failed`` is to follow."""

    line: Line


@dataclass(frozen=True, slots=True)
class Drop:
    """Close a connection, or stop opening it; nothing that it says counts any more."""

    line: Line


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand an event on."""

    event: EngineEvent


Action = Open | Drop | Tell
