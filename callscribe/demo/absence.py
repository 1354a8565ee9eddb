"""A server that goes away in mid-call: how long those who speak with it try to reach it again.

May import ``errors``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from callscribe.errors import EngineError

LIMIT = 60.0
"""Seconds that a server may be away."""

STABLE = 10.0
"""Seconds that a connection must hold for its loss to count as a new one."""

FIRST, LONGEST = 0.25, 1.0
"""Seconds between the first two tries, and between later ones at most."""


class Absence:
    """What all connections to one server know of it. ``say`` takes a sentence for a person.

    The time of each connection's absence is its own; that the server went away, and that it is
    back, is said once for all.
    """

    def __init__(self, say: Callable[[str], None], limit: float = LIMIT) -> None:
        self.limit = limit
        self._say = say
        self._away: set[object] = set()
        self._is_back = False
        """It was said that the server is back, and some connections are not yet."""

    def begins(self, who: object) -> None:
        """A connection has lost the server."""
        if not self._away:
            self._say(f"The server went away; it is tried for {self.limit:g} s to reach it again.")
            self._is_back = False
        self._away.add(who)

    def ends(self, who: object) -> None:
        """A connection has it back."""
        if who in self._away:
            self._away.discard(who)
            if not self._is_back:  # before what it tells then
                self._say("The server is back; the call goes on.")
            self._is_back = True


class Tries:
    """One connection's tries to reach its server again; without an ``absence`` there are none."""

    def __init__(self, absence: Absence | None) -> None:
        self._absence = absence
        self._since: float | None = None
        self._reached: float | None = None
        self._pause = FIRST

    async def again(self, error: Exception) -> None:
        """Waits before the next try; raises ``error`` where there will be none."""
        absence = self._absence
        if absence is None:
            raise error
        now = asyncio.get_running_loop().time()
        if self._since is None or (self._reached is not None and now - self._reached > STABLE):
            self._since, self._pause = now, FIRST
        self._reached = None
        absence.begins(self)
        if now - self._since >= absence.limit:
            raise EngineError(
                f"the server did not come back within {absence.limit:g} s ({error})"
            ) from error
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - that all do not come at once
        await asyncio.sleep(min(pause, max(0.0, self._since + absence.limit - now)))
        self._pause = min(LONGEST, self._pause * 2)

    def reached(self) -> None:
        """The server is there."""
        if self._absence is not None:
            self._absence.ends(self)
        if self._reached is None:
            self._reached = asyncio.get_running_loop().time()
