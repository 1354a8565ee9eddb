"""A call that is being played into a server, with its live text on the terminal.

May import ``live``, ``view``, ``demo``, ``events`` and ``errors``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from callscribe.cli.live import CallScreen
from callscribe.cli.view import CallView
from callscribe.demo.absence import Absence
from callscribe.demo.client import Client, first_of
from callscribe.demo.measure import LiveMeasure
from callscribe.errors import CallscribeError
from callscribe.events import LegStarted

LAST_WORDS = 3.0
"""Seconds that what is told of a call is still followed when its server has ended it."""

LEAD = 0.2
"""Seconds between all parts being ready and the first sample."""


class Stage:
    """Plays ``parts`` connections at once, so that all speak on one clock.

    ``screen`` shows ``view``; ``measure`` takes the lags; ``absence`` has a server that goes away
    tried again. Make it where a loop runs.
    """

    def __init__(
        self,
        screen: CallScreen,
        view: CallView,
        measure: LiveMeasure,
        parts: int,
        speed: float,
        absence: Absence | None = None,
    ) -> None:
        self._screen, self._view, self._measure = screen, view, measure
        self._speed, self._absence = speed, absence
        self._waiting = parts
        self._begun: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def ready(self) -> float:
        """A connection stands; the moment at which all first samples are spoken (loop's clock)."""
        self._waiting -= 1
        if not self._waiting:
            self._begun.set_result(asyncio.get_running_loop().time() + LEAD)
        return await self._begun

    async def run(self, client: Client, session: str, parts: Sequence[Awaitable[object]]) -> None:
        """Plays all parts, then ends the session; returns when its last event was seen.

        ``CallscribeError`` for the first part that fails.
        """
        with self._screen:
            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(self._watch(client, session))
                    drawing = tasks.create_task(self._draw())
                    try:
                        async with asyncio.TaskGroup() as playing:
                            for part in parts:
                                playing.create_task(_whole(part))
                    except* CallscribeError as group:
                        if first_of(group).code == "call_ended":  # its last words come yet
                            await asyncio.wait([watching], timeout=LAST_WORDS)
                        raise
                    await client.persist("POST", f"/api/sessions/{session}/end", self._absence)
                    await watching
                    drawing.cancel()
            except* CallscribeError as group:
                raise first_of(group) from group

    async def _watch(self, client: Client, session: str) -> None:
        loop = asyncio.get_running_loop()
        async for event in client.events(session, self._absence):
            if event["type"] == LegStarted.type and self._begun.done():
                self._measure.begin(event["speaker"], self._begun.result())
            line = self._view.apply(event, self._measure.apply(event, loop.time()))
            if line is not None:
                self._screen.finished(line)

    async def _draw(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            at = self._begun.result() if self._begun.done() else loop.time()
            self._screen.refresh((loop.time() - at) * self._speed)
            await asyncio.sleep(0.1)


async def _whole(part: Awaitable[object]) -> None:
    await part
