"""Twilio's REST API, asked through its own library by a few threads that do nothing else.

Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

DEADLINE: Final = 10.0
"""Seconds in which a question has to be answered, the time it waits for a thread included."""

THREADS: Final = 4
"""Questions that are asked at once; more of them wait."""

T = TypeVar("T")


class Rest:
    """Asks Twilio, whose library blocks. ``make_client`` makes its client.

    A Twilio that hangs holds these threads and nothing else: the loop's own executor stays free,
    and as daemons they do not keep the process from ending.
    """

    def __init__(self, make_client: Callable[[], Client]) -> None:
        self.make_client = make_client
        self.closed = False
        self._busy = 0
        self._waiting: deque[tuple[asyncio.Future[Any], Callable[[Client], Any]]] = deque()
        self._open: set[asyncio.Future[Any]] = set()

    async def ask(self, question: Callable[[Client], T]) -> T:
        """What ``question`` makes of the client, in a thread.

        ``TimeoutError`` after ``DEADLINE``, ``ConnectionAbortedError`` once this is closed, and
        what the library raises.
        """
        if self.closed:
            raise ConnectionAbortedError("the server is shutting down")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._open.add(answer)
        self._waiting.append((answer, question))
        self._begin()
        try:
            async with asyncio.timeout(DEADLINE):
                return await answer
        finally:
            self._open.discard(answer)

    def close(self) -> None:
        """Answers nobody any more; whoever waits is told so. Idempotent."""
        self.closed = True
        self._waiting.clear()
        for answer in self._open:
            if not answer.done():
                answer.set_exception(ConnectionAbortedError("the server is shutting down"))

    def _begin(self) -> None:
        while self._waiting and self._busy < THREADS:
            answer, question = self._waiting.popleft()
            if not answer.done():
                self._busy += 1
                threading.Thread(
                    target=self._work, args=(answer, question), name="twilio-rest", daemon=True
                ).start()

    def _work(self, answer: asyncio.Future[Any], question: Callable[[Client], Any]) -> None:
        """In a thread."""
        result, error = None, None
        try:
            result = question(self.make_client())
        except Exception as problem:  # noqa: BLE001 - it is raised where the answer is awaited
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop has ended before Twilio answered
            answer.get_loop().call_soon_threadsafe(self._answer, answer, result, error)

    def _answer(self, answer: asyncio.Future[Any], result: object, error: Exception | None) -> None:
        self._busy -= 1
        if not answer.done():
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)
        self._begin()
