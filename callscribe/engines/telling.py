"""Telling a leg's callback what an engine heard: in order, one by one.

A slow callback holds up what comes behind it in the queue and nothing else: audio goes on. One that
raises is logged and counted. May import ``engines.base`` and ``transcript``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, copy_context
from typing import Final

import structlog

from callscribe.engines.base import Audience, EngineEvent, TranscriptCallback
from callscribe.flag import Flag
from callscribe.transcript import Result

MOST_WAITING: Final = 1000
"""Events that may wait behind a slow callback; then whoever brings more waits too."""

_call: ContextVar[object] = ContextVar("_call", default=None)
"""The call of a callback in which a task runs, for those that it makes as well."""

_log = structlog.get_logger(__name__)


class EngineTeller:
    """Calls one leg's callback: at once where nothing waits, without a task between.

    What waits for a slow one keeps its order; of interims that wait only the latest is kept, for
    each restates the one before. What a callback gives back to be awaited is awaited in a task,
    which there is while something waits.
    """

    def __init__(self, callback: TranscriptCallback, session_id: str) -> None:
        self.errors = 0
        """How often the callback raised or was given up; each is logged."""
        self._callback = callback
        self._show: Callable[[Result], bool | None] | None = None
        if isinstance(callback, Audience):
            self._callback, self._show = callback.hear, callback.show
        self._session_id = session_id
        self.reached = 0.0
        """The latest mark behind which nothing waits; see ``mark``."""
        self._waiting: list[EngineEvent | float] = []
        self._room = Flag()
        self._now: object = None
        """The call that is under way."""
        self._answer: Awaitable[object] | None = None
        """What that call gave back to be awaited."""
        self._told = 0
        self._ended = False
        self._silenced = False
        self._given_up = False
        self._task: asyncio.Task[None] | None = None
        self._context = copy_context()

    @property
    def is_inside(self) -> bool:
        """Whether the callback itself asks: it cannot wait for what waits for it."""
        return self._now is not None and _call.get() is self._now

    def put(self, event: EngineEvent) -> bool:
        """Has the callback told, at once or soon; whether very much waits, see ``room``."""
        if self._now is None and not self._waiting:  # nearly always
            if self._silenced or self._ended or self._given_up:
                return False
            show = self._show
            if show is not None and type(event) is Result and not event.is_final:
                try:
                    if not show(event):
                        return False
                except Exception:  # noqa: BLE001 - as in ``_ask``
                    self._failed()
                    return False
            self._answer = self._ask(event)
            if self._answer is not None:
                self._go_on()
            return False
        return self._put_behind(event)

    def _put_behind(self, event: EngineEvent) -> bool:
        if self._silenced or self._given_up:
            return False
        if self._now is not None and isinstance(event, Result):
            if self._waiting and isinstance(self._waiting[-1], float):
                self._waiting.pop()  # the next mark says more
            last = self._waiting[-1] if self._waiting else None
            if isinstance(last, Result) and not last.is_final:
                self._waiting.pop()
        self._waiting.append(event)
        self._go_on()
        return self.is_full

    def mark(self, place: float) -> None:
        """Has ``reached`` become ``place`` when all that waits now is told."""
        if self._silenced:
            return
        if self._waiting and isinstance(self._waiting[-1], float):
            self._waiting[-1] = place
        elif self._now is None and not self._waiting:
            self.reached = place
        else:
            self._waiting.append(place)
            self._go_on()

    async def tell(self, event: EngineEvent) -> None:
        """Like ``put``, but waits while very much waits already."""
        await self.room()
        self.put(event)

    @property
    def is_full(self) -> bool:
        """Whether very much waits: who brings more has to wait for ``room``."""
        return len(self._waiting) >= MOST_WAITING and not self._is_over

    async def room(self) -> None:
        """Waits while very much waits already."""
        while self.is_full:
            self._room.clear()
            await self._room.wait()

    async def call(self, event: EngineEvent) -> None:
        """Calls the callback at once, past the queue; for the last event, behind ``close``."""
        if self._silenced:
            return
        answer = self._ask(event)
        if answer is not None:
            await self._await(answer)

    def _ask(self, event: EngineEvent) -> Awaitable[object] | None:
        """Calls; what is to be awaited, None where the call is over."""
        self._now = now = object()
        token = _call.set(now)
        try:
            answer = self._callback(event)
        except Exception:  # noqa: BLE001 - whatever a callback does, the stream goes on
            self._failed()
            answer = None
        else:
            self._told += 1
        finally:
            _call.reset(token)
        if answer is not None and inspect.isawaitable(answer):
            return answer
        self._now = None
        return None

    async def _await(self, answer: Awaitable[object]) -> None:
        """Ends a call that takes its time."""
        token = _call.set(self._now)
        try:
            await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self._failed()  # of what it waited for
        except Exception:  # noqa: BLE001 - as above
            self._failed()
        finally:
            self._now = None
            _call.reset(token)

    def _failed(self) -> None:
        self.errors += 1
        _log.exception("transcript_callback_failed", session=self._session_id)

    def end(self) -> None:
        """Takes nothing more when everything is told, without waiting for that."""
        self._ended = True

    def silence(self) -> None:
        """Tells nothing more, but what is being told."""
        self._silenced = True
        self._waiting.clear()
        self._room.set()
        self.end()

    async def close(self, patience: float | None = None) -> None:
        """Waits until everything is told; gives up where nothing is for ``patience`` s. Idempotent.

        To be called from outside the callback.
        """
        self.end()
        while (task := self._task) is not None and not task.done():
            told = self._told
            await asyncio.wait({task}, timeout=patience)
            if not task.done() and self._told == told:
                self.errors += 1
                _log.error(
                    "transcript_callback_stuck",
                    session=self._session_id,
                    seconds=patience,
                    untold=len(self._waiting) + 1,
                )
                self._given_up = True
                self._room.set()
                task.cancel()
                await asyncio.wait({task})

    @property
    def _is_over(self) -> bool:
        """Whether nothing that comes now is told."""
        return self._given_up or (self._ended and self._now is None and not self._waiting)

    def _go_on(self) -> None:
        """Has a task tell what waits, if there is none."""
        if self._task is None or self._task.done():
            name = f"telling-{self._session_id}"
            self._task = asyncio.create_task(self._run(), name=name, context=self._context)

    async def _run(self) -> None:
        while self._waiting or self._answer is not None:
            if self._answer is not None:
                answer, self._answer = self._answer, None
                await self._await(answer)
                self._told += 1
                continue
            event = self._waiting.pop(0)
            self._room.set()
            if isinstance(event, float):
                self.reached = event
                continue
            await self.call(event)
