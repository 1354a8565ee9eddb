"""Has gaps heard again in the background, from the audio that is kept of them.

What is to be heard when is decided by ``repair``. May import ``engines.base``, ``errors``,
``transcript`` and its own room.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from callscribe.engines.base import (
    EngineEvent,
    Lost,
    Repaired,
    StreamingConnection,
    TranscriptCallback,
    Unheard,
)
from callscribe.engines.resilient.ask import leave
from callscribe.engines.resilient.repair import Repair, Repairs
from callscribe.engines.resilient.rules import Rung
from callscribe.engines.resilient.tape import Tape
from callscribe.engines.resilient.voices import LegVoices
from callscribe.errors import CallscribeError, EngineError
from callscribe.flag import Flag
from callscribe.transcript import Result

LONGEST: Final = 90.0
"""Seconds that it may take."""

Enter = Callable[[Rung, TranscriptCallback], Awaitable[StreamingConnection]]
"""Opens an engine as the leg wants it."""
Opening = Callable[[TranscriptCallback], Awaitable[StreamingConnection]]
Pieces = Callable[[], Awaitable[bytes]]
"""The next piece of the audio, as soon as nothing is more urgent; empty at its end."""

_log = structlog.get_logger(__name__)


class Mender:
    """Repairs one leg's gaps; its tasks belong to the leg.

    It is told to ``look`` whenever something may be due, and calls ``wake`` when it may be.
    """

    def __init__(
        self,
        repairs: Repairs,
        tape: Tape,
        enter: Enter,
        tell: Callable[[EngineEvent], object],
        wake: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        voices: LegVoices | None = None,
        caveat: str = "",
    ) -> None:
        self._repairs = repairs
        self._caveat = caveat
        """What a person has to know where this machine's engine repairs."""
        self._voices = voices or LegVoices()
        self._tape = tape
        self._enter = enter
        self._tell = tell
        self._wake = wake
        self._monotonic = monotonic
        self._calm = Flag()
        """Set while whoever listens to what is said now has all of it: that comes first."""
        self._task: asyncio.Task[None] | None = None
        self._done = Flag()

    @property
    def needed_from(self) -> int | None:
        """The first sample that a repair still needs."""
        return self._repairs.first

    @property
    def deadline(self) -> float | None:
        """When to look, monotonic; None while only events change that."""
        return self._repairs.deadline() if self._calm.is_set() else None

    def add(self, gap: Unheard) -> None:
        """Nobody heard this."""
        self._repairs.add(gap.start, gap.end)

    def forgive(self, provider: str) -> None:
        """An engine of this provider listens again: those that did not hear gaps may do it now."""
        self._repairs.forgive(provider, self._monotonic())

    def look(self, tasks: asyncio.TaskGroup, *, calm: bool) -> None:
        """Has what is due heard again, if all is ``calm``."""
        if not calm:
            self._calm.clear()
            return
        self._calm.set()
        self._repairs.forget(self._tape.first)
        repair = self._repairs.due(self._monotonic())
        if repair is not None:
            self._task = tasks.create_task(self._repair(repair))

    async def finish(self, tasks: asyncio.TaskGroup) -> None:
        """Repairs what can be repaired, now that nothing else is to be heard."""
        try:
            while True:
                self._done.clear()
                self.look(tasks, calm=True)
                if self._repairs.is_idle:
                    return
                at = self._repairs.deadline()
                wait = None if at is None else max(at - self._monotonic(), 0.0)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._done.wait()
        finally:
            if self._task is not None:
                self._task.cancel()

    async def _repair(self, repair: Repair) -> None:
        rung, rate = self._repairs.rungs[repair.by], self._repairs.rate
        first, end = self._repairs.span(repair, self._tape.end)
        at = first

        async def piece() -> bytes:
            nonlocal at
            await asyncio.sleep(0)
            await self._calm.wait()
            start, at = at, min(at + rate, end)
            if start < self._tape.first:
                raise EngineError("the audio is not there any more")
            return self._tape.read(start, at)

        try:
            found = await hear_again(lambda hear: self._enter(rung, hear), piece)
        except Baffled:
            self._repairs.baffled(repair)
        except CallscribeError as error:
            self._failed(repair, error)
        except Exception:  # noqa: BLE001 - the gap stays, the call goes on
            _log.exception("repair_failed", engine=rung.name)
            self._failed(repair, EngineError(f"{rung.name} failed", retryable=True))
        else:
            found = [result.moved(first / rate) for result in self._voices.apart(found)]
            said = self._repairs.heard(repair, found)
            if said is not None:
                hole, caveat = repair.hole, "" if rung.provider else self._caveat
                self._tell(Repaired(hole.start / rate, hole.end / rate, said, caveat))
        self._done.set()
        self._wake()

    def _failed(self, repair: Repair, error: CallscribeError) -> None:
        name = self._repairs.rungs[repair.by].name
        _log.warning("gap_not_repaired", engine=name, code=error.code)
        self._repairs.failed(repair, error, self._monotonic())


class Baffled(Exception):
    """The engine heard it and could not turn it into words."""


async def hear_again(enter: Opening, pieces: Pieces) -> list[Result]:
    """The finals of a stretch of audio, in seconds from its beginning.

    ``Baffled``, or the ``CallscribeError`` for which it was not heard to its end.
    """
    events: list[EngineEvent] = []
    trouble: CallscribeError | None = None
    try:
        async with asyncio.timeout(LONGEST):
            way = await enter(events.append)
            try:
                await _feed(way, pieces)
                await way.close()
            except CallscribeError as error:
                trouble = EngineError(error.message, retryable=True)
                await leave(way)
            except BaseException:
                await leave(way)
                raise
    except TimeoutError:
        raise EngineError("it took too long to hear it again", retryable=True) from None
    for event in events:
        if isinstance(event, Lost):
            raise event.error
        if isinstance(event, Unheard):
            raise Baffled
    if trouble is not None:
        raise trouble
    return [event for event in events if isinstance(event, Result) and event.is_final]


async def _feed(way: StreamingConnection, pieces: Pieces) -> None:
    while way.is_connected and (piece := await pieces()):
        await way.send_audio(piece)
