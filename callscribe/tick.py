"""What is done at the end of a turn of the event loop, when all that has come has been read.

A server with hundreds of sockets reads several of them in each turn. What it does for all of them
in one go costs less than between one message and the next: the code that does it is still in the
processor's caches. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import structlog

_log = structlog.get_logger(__name__)

A = TypeVar("A")
B = TypeVar("B")

_ticks: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Tick]] = WeakKeyDictionary()


class Tick:
    """What is to be done at the end of this turn of one event loop; for its thread alone.

    What is to be sent leaves first, in the order it was given. Then is told what is to be told, and
    what is sent by that leaves behind it. What raises is logged, and holds up nothing else. None of
    it runs in the context of whoever gave it: each turn has an empty one.
    """

    __slots__ = ("_due", "_send", "_tell", "sendings")

    def __init__(self) -> None:
        self.sendings = 0
        """How often all has been sent: what was given before that waits no more."""
        self._due = False
        self._tell: deque[Callable[[], object]] = deque()
        self._send: deque[tuple[Callable[[Any, Any], object], object, object]] = deque()

    def tell(self, tell: Callable[[], object]) -> None:
        """Has ``tell`` called once, when what there is to send has left."""
        if not self._due:
            self._begin()
        self._tell.append(tell)

    def send(self, send: Callable[[A, B], object], what: A, data: B) -> None:
        """Has ``send`` called once with the other two, which must not change until then."""
        if not self._due:
            self._begin()
        self._send.append((send, what, data))

    def send_now(self) -> None:
        """Sends all that is to be sent, where something must not overtake a part of it.

        It is not to be called by what is sent.
        """
        given = self._send
        while given:
            send, what, data = given.popleft()
            try:
                send(what, data)
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - others have their turn too
                _log.exception("not_sent")
        self.sendings += 1

    def _begin(self) -> None:
        asyncio.get_running_loop().call_soon(self._end, context=Context())
        self._due = True

    def _end(self) -> None:
        try:
            self.send_now()
            for _ in range(len(self._tell)):  # what these give in turn has the next one
                tell = self._tell.popleft()
                try:
                    tell()
                except (Exception, asyncio.CancelledError):  # noqa: BLE001 - as above
                    _log.exception("not_told")
            self.send_now()
        finally:
            self._due = False
            if self._tell or self._send:
                self._begin()


def tick() -> Tick:
    """The one of the event loop that runs; it lives on with a loop that ends before its turn."""
    loop = asyncio.get_running_loop()
    found = _ticks.get(loop)
    if found is None:
        found = _ticks[loop] = Tick()
    return found
