"""Lets requests begin one after another, so that calls which go on are not held up.

To begin a call takes some milliseconds, in many small parts. Where hundreds begin at once, the
event loop would do a part of each before it looks at any other socket again; here one begins in
each turn of it, if the last turn was short, and more where they have waited. Imports nothing of
ours.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH: Final = "/healthz"
"""Whoever asks there gives the server up where it does not answer soon."""

SHORT: Final = 0.006
"""Seconds that a turn may take for the next of many to begin: in a longer one there is enough to
do. With it 400 calls that begin at once are up sooner than without: fewer are half begun."""

EACH: Final = 0.05
"""Seconds for each in the row that the first one waits for a short turn: few hardly notice."""

LONGEST: Final = 1.5
"""Seconds that it waits for a short turn at most."""

PATIENCE: Final = 1.0
"""Seconds in which the first in the row may wait before two begin together: what that is worth is
measured in ``docs/explanation/relay-measured.md``."""


class Turnstile:
    """ASGI middleware: one request or socket begins in each turn of the event loop.

    It waits for nothing where it comes alone. Behind a long turn none begins, for a while: the
    longer the row, the longer (``EACH``, ``LONGEST``). The longer the first one has waited, the
    more begin together: two after a second, five after two. ``monotonic`` is in seconds.
    """

    def __init__(self, app: ASGIApp, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._monotonic = monotonic
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()
        """Who is to begin, and since when."""
        self._has_begun = False
        """One has in this turn; always where somebody waits."""
        self._turned = 0.0
        """When this turn began."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on in its turn."""
        if scope["type"] != "lifespan" and scope["path"] != HEALTH:
            await self._turn()
        await self._app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._has_begun:
            self._has_begun = True
            self._turned = self._monotonic()
            loop.call_soon(self._next)
            return
        begins = loop.create_future()
        self._waiting.append((begins, self._monotonic()))
        await begins

    def _next(self) -> None:
        """A new turn: lets the next ones begin."""
        self._has_begun = False
        if not self._waiting:
            return
        now = self._monotonic()
        took, self._turned = now - self._turned, now
        waited = now - self._waiting[0][1]
        most = 1 + int((waited / PATIENCE) ** 2)
        if took > SHORT and waited < min(EACH * len(self._waiting), LONGEST):
            most = 0
        while self._waiting and most:
            begins, _ = self._waiting.popleft()
            if not begins.done():  # it may have been cancelled
                begins.set_result(None)
                most -= 1
        self._has_begun = True
        asyncio.get_running_loop().call_soon(self._next)
