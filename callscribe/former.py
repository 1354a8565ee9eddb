"""A leg that goes on with what a client has kept of its former one. Core: imports nothing of ours.

Places are samples from the beginning of the former leg.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FASTEST: Final = 4
"""How many times faster than it is spoken audio may come, for what a client says to be true."""
SHORTEST: Final = 60.0
"""Seconds of audio that may have come at once."""


@dataclass(frozen=True, slots=True)
class Continues:
    """What a client has of a former leg.

    ``leg`` is the ``leg_id`` of that, ``settled`` was told by its last ``ack``, ``kept`` is the
    first sample that the client still has.
    """

    leg: str
    settled: int
    kept: int


@dataclass(frozen=True, slots=True)
class Former:
    """A leg that has ended: where it began on the call clock (s), its rate, its written samples."""

    offset: float
    sample_rate: int
    written: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leg goes on: its client leaves out ``skip`` of the samples that it has kept.

    The first one that it sends is at ``offset`` on the call clock (s). ``whole``: nothing before
    that is missing.
    """

    skip: int
    offset: float
    whole: bool


def place(former: Former, kept: Continues, now: float) -> Place | None:
    """Where a client goes on, ``now`` on the call clock (s); None where that cannot be true."""
    written = max(former.written, kept.settled)
    skip = max(written - kept.kept, 0)
    behind = (kept.kept + skip) / former.sample_rate
    if behind > FASTEST * max(now - former.offset, 0.0) + SHORTEST:
        return None
    return Place(skip, former.offset + behind, whole=kept.kept <= written)
