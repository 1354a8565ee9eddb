"""Takes what comes on a socket in the moment it arrives, without a task or a queue between.

May import ``closing`` and ``frames``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from types import coroutine
from typing import Any

from callscribe.closing import Closed
from callscribe.frames import Frames, Message


@dataclass(frozen=True, slots=True)
class Later:
    """What takes its time, or waits with a deadline: done in a task; true ends the reading."""

    work: Coroutine[Any, Any, bool | None]


Take = Callable[[str | bytes], Coroutine[Any, Any, None] | Later | None]
"""Takes a message. A coroutine is begun at once, outside of any task: it may wait for whatever it
is to wait for, but not with a deadline of its own. Nothing is taken before it is done. None: it is.
"""


Over = Callable[[], Coroutine[Any, Any, None] | Later | None]
"""Is told that all has been taken that came together; as ``Take`` it may have to wait."""


async def read_frames(frames: Frames, take: Take, over: Over | None = None) -> Closed | None:
    """Gives all that comes to ``take`` until it says that it is over, or the connection ends.

    How that ended, None where it was ``take`` who said so. What ``take`` raises ends it too.
    """
    reading = _Reading(frames, take, over)
    try:
        return await reading.done
    finally:
        reading.stop()


class _Reading:
    """One socket being read."""

    def __init__(self, frames: Frames, take: Take, over: Over | None) -> None:
        self.done: asyncio.Future[Closed | None] = asyncio.get_running_loop().create_future()
        self._frames = frames
        self._take = take
        self._task: asyncio.Task[None] | None = None
        self._unbegun: Coroutine[Any, Any, bool | None] | None = None
        self._ended = False
        self._over = over
        frames.hear(self._hear, over and self._read_over, (take, self._go_on))

    def stop(self) -> None:
        """Reads no more; what is under way is given up."""
        if not self._ended:
            self._frames.hear_no_more()
        if self._task is not None:
            self._task.cancel()
            if self._unbegun is not None:  # the task will not come to it any more
                self._unbegun.close()

    def _hear(self, message: Message) -> None:
        if isinstance(message, Closed):
            self._end(message)
            return
        try:
            work = self._take(message)
        except Exception as error:  # noqa: BLE001 - whoever waits for the end gets it
            self._end(error)
        else:
            if work is not None:
                self._begin(work)

    def _go_on(self, rest: Exception | Coroutine[Any, Any, None] | Later) -> None:
        """``take`` was given a message, and raised this or left it to be waited for."""
        if isinstance(rest, Exception):
            self._end(rest)
        else:
            self._begin(rest)

    def _read_over(self) -> None:
        assert self._over is not None  # noqa: S101 - else nobody would tell
        try:
            work = self._over()
        except Exception as error:  # noqa: BLE001 - as above
            self._end(error)
        else:
            if work is not None:
                self._begin(work)

    def _begin(self, work: Coroutine[Any, Any, None] | Later) -> None:
        """Begins what may have to wait; nothing more is read until it is done."""
        if isinstance(work, Later):
            self._wait(work.work)
            return
        try:
            waited = work.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as above
            self._end(error)
        else:
            self._wait(_resumed(work, waited))

    def _wait(self, work: Coroutine[Any, Any, bool | None]) -> None:
        self._frames.pause()
        self._unbegun = work
        self._task = asyncio.create_task(self._finish(work))

    async def _finish(self, work: Coroutine[Any, Any, bool | None]) -> None:
        self._unbegun = None
        try:
            over = await work
        except asyncio.CancelledError:
            self.done.cancel()  # whoever waits must not wait for ever
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._end(error)
        else:
            self._task = None
            if over:
                self._ended = True
                self._end(None)
                # What still comes is dropped; pings and a close are answered meanwhile.
                self._frames.hear(_drop)
            else:
                self._frames.read_on()

    def _end(self, how: Exception | Closed | None) -> None:
        self._frames.hear_no_more()
        if self.done.done():
            return
        if isinstance(how, Exception):
            self.done.set_exception(how)
        else:
            self.done.set_result(how)


def _drop(_: Message) -> None:
    """Nobody wants it."""


@coroutine
def _resumed(work: Coroutine[Any, Any, None], waited: Any) -> Generator[Any, Any, None]:  # noqa: ANN401
    """The rest of a coroutine that waits for ``waited`` already."""
    step: Callable[[Any], Any]
    while True:
        try:
            given = yield waited
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's
            step, given = work.throw, error
        else:
            step = work.send
        try:
            waited = step(given)
        except StopIteration:
            return
