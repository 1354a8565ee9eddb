"""What is done at the end of a turn of the event loop, when all that has come has been read.

A server with hundreds of sockets reads several of them in each turn. What it does for all of them
in one go costs less than between one message and the next: the code that does it is still in the
processor's caches, and whoever gets it is woken once. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import structlog

_log = structlog.get_logger(__name__)

A = TypeVar("A")
B = TypeVar("B")

_ticks: WeakKeyDictionary[asyncio.AbstractEventLoop, Tick] = WeakKeyDictionary()


class Tick:
    """What is to be done at the end of this turn of one event loop, in the order it was given.

    What is to be told comes first, so that what is sent by it leaves in the same turn. What raises
    is logged, and holds up nothing else.
    """

    __slots__ = ("_due", "_send", "_tell", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """How often all has been sent: what was to be sent before that has left since."""
        self._due = False
        self._tell: list[Callable[[], object]] = []
        self._send: list[tuple[Callable[[Any, Any], object], object, object]] = []

    def tell(self, tell: Callable[[], object]) -> None:
        """Has ``tell`` called once, before anything is sent."""
        self._tell.append(tell)
        if not self._due:
            self._begin()

    def send(self, send: Callable[[A, B], object], what: A, data: B) -> None:
        """Has ``send`` called with the other two once, when everything is told."""
        self._send.append((send, what, data))
        if not self._due:
            self._begin()

    def send_now(self) -> None:
        """Sends all that is to be sent, where something must not overtake it."""
        self.sent += 1
        given, self._send = self._send, []
        for send, what, data in given:
            try:
                send(what, data)
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - as below
                _log.exception("not_sent")

    def _begin(self) -> None:
        self._due = True
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        given, self._tell = self._tell, []
        for tell in given:
            try:
                tell()
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - others have their turn too
                _log.exception("not_told")
        self.send_now()
        self._due = False
        if self._tell or self._send:
            self._begin()


def tick() -> Tick:
    """The one of the event loop that runs."""
    loop = asyncio.get_running_loop()
    found = _ticks.get(loop)
    if found is None:
        found = _ticks[loop] = Tick()
    return found
