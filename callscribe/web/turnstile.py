"""Lets requests begin one after another, so that calls which go on are not held up.

To begin a call takes some milliseconds, in many small parts. Where hundreds begin at once, the
event loop would do a part of each before it looks at any other socket again; here one begins in
each turn of it, and more where they have waited. Imports nothing of ours.
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

PATIENCE: Final = 0.5
"""Seconds in which the first in the row may wait before two begin together: what that is worth is
measured in ``docs/explanation/relay-measured.md``."""


class Turnstile:
    """ASGI middleware: one request or socket begins in each turn of the event loop.

    It waits for nothing where it comes alone. The longer the first one in the row has waited, the
    more begin together: two after half a second, five after one. ``monotonic`` is in seconds.
    """

    def __init__(self, app: ASGIApp, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._monotonic = monotonic
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()
        """Who is to begin, and since when."""
        self._has_begun = False
        """One has in this turn; always where somebody waits."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on in its turn."""
        if scope["type"] != "lifespan" and scope["path"] != HEALTH:
            await self._turn()
        await self._app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._has_begun:
            self._has_begun = True
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
        waited = self._monotonic() - self._waiting[0][1]
        most = 1 + int((waited / PATIENCE) ** 2)
        while self._waiting and most:
            begins, _ = self._waiting.popleft()
            if not begins.done():  # it may have been cancelled
                begins.set_result(None)
                most -= 1
        self._has_begun = True
        asyncio.get_running_loop().call_soon(self._next)
