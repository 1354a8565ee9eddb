"""The ways into engines that one leg has open, or is opening, by their lines.

What is to be opened, fed and dropped is decided in ``core``. May import ``engines.base``,
``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Protocol

import structlog

from callscribe.engines.base import Audience, EngineEvent, StreamingConnection, Swift
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.ask import Ask, leave
from callscribe.engines.resilient.rules import Rung
from callscribe.errors import CallscribeError, CapacityError, EngineError
from callscribe.transcript import Result

_log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who is told what becomes of a line."""

    def opened(self, line: Line) -> None:
        """It is open."""
        ...

    def waits(self, line: Line, error: CapacityError) -> None:
        """Its engine is full, and it has its place in the queue there."""
        ...

    def failed(self, line: Line, error: CallscribeError) -> None:
        """It could not be opened, or has ended by itself."""
        ...

    def heard(self, line: Line, event: EngineEvent) -> Awaitable[None] | None:
        """Its engine says something about the leg; it waits for what this gives back."""
        ...

    def shown(self, line: Line, result: Result) -> bool:
        """Its engine shows words; true where that is for ``heard``."""
        ...


class Ways:
    """Opens connections for lines, gives them audio, lets go of them; ``begin`` comes first."""

    def __init__(self, rungs: Sequence[Rung], ask: Ask, listener: Listener) -> None:
        self._rungs = rungs
        self._ask = ask
        self._listener = listener
        self._open: dict[Line, StreamingConnection] = {}
        self._openers: dict[Line, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Says to whom the tasks belong that open and leave engines."""
        self._tasks = tasks

    def of(self, line: Line | None) -> StreamingConnection | None:
        """A line's connection, None where it has none."""
        return None if line is None else self._open.get(line)

    def open(self, line: Line) -> None:
        """Opens a connection, and tells what came of it."""
        self._openers[line] = self._tasks.create_task(self._enter(line))

    def drop(self, line: Line) -> None:
        """Closes a connection, or stops opening it."""
        opener = self._openers.get(line)
        if opener is not None:
            opener.cancel()
        way = self._open.get(line)
        self.forget(line)
        if way is not None:
            self._tasks.create_task(leave(way))

    def forget(self, line: Line) -> None:
        """There is nothing left to close."""
        self._openers.pop(line, None)
        self._open.pop(line, None)
        line.lane = None

    async def send(self, line: Line, audio: bytes) -> bool:
        """Gives audio to an engine; false where that has ended, and its end will be told."""
        way = self._open[line]
        if not way.is_connected:
            return False
        try:
            await way.send_audio(audio)
        except CallscribeError as error:
            if way.is_connected:  # it says no, and nothing else will come
                self._listener.failed(line, error)
            return False
        return True

    def finalize(self, line: Line) -> None:
        """Asks a line for a final; its engine may have nothing to say to that."""
        way = self._open.get(line)
        if way is not None and way.is_connected:
            self._tasks.create_task(_finalize(way))

    async def close(self, line: Line) -> bool:
        """Ends a line in good order; false where its engine could not, which is told."""
        try:
            await self._open[line].close()
        except CallscribeError as error:
            self._listener.failed(line, error)
            return False
        return True

    async def _enter(self, line: Line) -> None:
        rung = self._rungs[line.rung]

        try:
            way = await self._ask.enter(
                rung,
                Audience(partial(self._listener.heard, line), partial(self._listener.shown, line)),
                streaming=rung.streaming,
                stands_in=not rung.streaming,
                on_full=lambda error: self._listener.waits(line, error),
            )
        except CallscribeError as error:
            self._listener.failed(line, error)
        except Exception as error:  # noqa: BLE001 - the next engine may do better
            _log.error("engine_not_opened", engine=rung.name, exc_info=error)
            self._listener.failed(line, EngineError(f"{rung.name} failed", retryable=True))
        else:
            self._openers.pop(line, None)
            self._open[line] = way
            if isinstance(way, Swift):
                line.lane = way.lane
            self._listener.opened(line)


async def _finalize(way: StreamingConnection) -> None:
    try:
        await way.finalize()
    except CallscribeError as error:  # it is on its end, which will be told
        _log.debug("no_final_asked_for", problem=error.message)
    except Exception:  # noqa: BLE001 - nobody waits for this; the leg goes on
        _log.exception("engine_not_finalized")
