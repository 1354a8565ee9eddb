"""When what goes wrong, for each connection: decided by the seed alone, without clock or socket.

May import its own room.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from callscribe.chaos.faults import Fault


class Event(NamedTuple):
    """A fault begins. ``draw`` is a number below 1 for what the fault leaves to chance."""

    second: float
    """Since the upgrade was answered, or the request came."""
    fault: Fault
    draw: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What befalls one connection."""

    refusal: Fault | None
    """What it is refused with; then nothing else happens to it."""
    opening: Fault | None
    """What its opening waits for."""
    events: Iterator[Event]
    """In the order of their seconds; may have no end."""


class Schedule:
    """The plans of all connections: the same faults and seed give the same plans."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults = tuple(faults)
        self._seed = seed

    def plan(self, connection: int, second: float = 0.0) -> Plan:
        """The plan of a connection, counted from 1, that came ``second`` s after the first one.

        It does not depend on what others did.
        """
        refusal = opening = None
        timed = []
        for place, fault in enumerate(self._faults):
            # Texts seed the same numbers on every machine and in every version.
            random = Random(f"{self._seed} {place} {fault} {connection}")  # noqa: S311 - no secret
            if not _befalls(fault, connection, random):
                continue
            if fault.kind == "refuse":
                refusal = refusal or (fault if _is_on(fault, second) else None)
            elif fault.argument == "open":
                opening = opening or fault
            else:
                timed.append(_events(fault, random))
        return Plan(refusal, opening, heapq.merge(*timed, key=lambda event: event.second))


def _befalls(fault: Fault, connection: int, random: Random) -> bool:
    chosen = fault.connections
    if chosen.percent is not None:
        return random.random() * 100 < chosen.percent
    return chosen.first <= connection <= (chosen.last or math.inf)


def _is_on(fault: Fault, second: float) -> bool:
    begins = fault.at or 0.0
    return begins <= second < begins + (fault.lasting or math.inf)


def _events(fault: Fault, random: Random) -> Iterator[Event]:
    if fault.every is None:
        yield Event(fault.at or 0.0, fault, random.random())
        return
    second = 0.0
    while True:
        second += random.expovariate(1 / fault.every)
        yield Event(second, fault, random.random())
