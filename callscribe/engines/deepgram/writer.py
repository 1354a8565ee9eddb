"""What goes out on one leg's connection to Deepgram: audio, controls, and what keeps it alive.

At the pace of speech each frame goes by itself, in the turn of the event loop in which it came, by
the lane; what comes faster, or waits while the socket is busy, is joined. May import
``engines.deepgram.transport``, ``engines.deepgram.watch``, ``engines.lane``, ``flag`` and ``wire``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from callscribe.engines.deepgram.transport import Transport
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.lane import HASTE, Lane, Send
from callscribe.flag import Flag
from callscribe.wire import deepgram as dg

KEEP_ALIVE: Final = 4.0
"""Seconds without audio after which KeepAlive is sent; the server gives up after 10."""

SECONDS_A_FRAME: Final = 1.0
"""The most audio that is joined into one frame."""


class Writer:
    """Sends one leg's audio; ``rate`` in samples a second, ``width`` their bytes.

    While nothing waits here ``lane`` is open, and sends with ``direct``. ``give_up`` is called
    where a Finalize stays without an answer, with whether nothing else has come since either.
    """

    def __init__(
        self,
        transport: Transport,
        watch: Watch,
        rate: int,
        width: int,
        monotonic: Callable[[], float],
        give_up: Callable[[bool], None],
        lane: Lane,
        direct: Send,
    ) -> None:
        self._transport = transport
        self._lane = lane
        self._direct = direct
        self._watch = watch
        self._most = int(SECONDS_A_FRAME * rate) * width
        self._monotonic = monotonic
        self._give_up = give_up
        self._waiting = bytearray()
        self._work = Flag()
        self._finalize = False
        self._ending = False
        self._shut = False
        self.went = monotonic()
        """When something was sent last, by the lane too."""
        lane.open(direct)

    def audio(self, data: bytes, now: float) -> None:
        """Takes a frame, ``now`` (monotonic s). What cannot go at once goes soon, or is joined."""
        busy = self._waiting or self._finalize or now - self.went < HASTE
        if not busy and self._transport.take(data):
            self.went = now
            return
        self._waiting += data
        self._begin_work()

    def finalize(self) -> None:
        """Asks for a final, behind the audio that is there."""
        self._finalize = True
        self._begin_work()

    def end(self) -> None:
        """Has ``run`` end the stream when everything is sent."""
        self._ending = True
        self._begin_work()

    def shut(self, *, shut: bool) -> None:
        """Has no frame leave by the lane for now, or again."""
        self._shut = shut
        self._open_lane()

    def _begin_work(self) -> None:
        self._work.set()
        self._lane.shut()

    def _open_lane(self) -> None:
        """Opens the lane if nothing is in its way."""
        if self._shut or self._waiting or self._finalize or self._ending:
            self._lane.shut()
        else:
            self._lane.open(self._direct)

    async def run(self) -> None:
        """Sends audio and controls until ``end``, and then the end of the stream."""
        while True:
            await self._wait_for_work()
            while self._waiting:
                piece = bytes(self._waiting[: self._most])
                del self._waiting[: self._most]
                await self._send(piece)
            if self._finalize:
                self._finalize = False
                await self._send(dg.Finalize().encode())
                self._watch.finalize()
            if self._ending and not self._waiting:
                break
        await self._send(dg.CloseStream().encode())

    async def _wait_for_work(self) -> None:
        """Waits until there is something to send; keeps the connection alive until then."""
        while not (self._waiting or self._finalize or self._ending):
            self._work.clear()
            self._open_lane()
            due = self.went + KEEP_ALIVE
            if self._watch.finalize_due is not None:
                due = min(due, self._watch.finalize_due)
            try:
                async with asyncio.timeout(max(due - self._monotonic(), 0.0)):
                    await self._work.wait()
            except TimeoutError:
                self._lane.settle()
                self._note_overdue()
                if self._monotonic() >= self.went + KEEP_ALIVE:
                    await self._send(dg.KeepAlive().encode())
        self._note_overdue()

    def _note_overdue(self) -> None:
        if self._watch.finalize_is_overdue:
            silent = self._watch.is_silent_since_finalize
            self._watch.finalize_due = None
            self._give_up(silent)

    async def _send(self, data: str | bytes) -> None:
        self._watch.sending()
        await self._transport.send(data)
        self._watch.sent()
        self.went = self._monotonic()
