"""What goes out on one leg's connection to Deepgram: audio, controls, and what keeps it alive.

At the pace of speech each frame goes by itself and at once; what comes faster, or waits while the
socket is busy, is joined. May import ``engines.deepgram.transport``, ``engines.deepgram.watch``,
``errors`` and ``wire``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from callscribe.engines.deepgram.transport import Transport
from callscribe.engines.deepgram.watch import Watch
from callscribe.wire import deepgram as dg

KEEP_ALIVE: Final = 4.0
"""Seconds without audio after which KeepAlive is sent; the server gives up after 10."""

SECONDS_A_FRAME: Final = 1.0
"""The most audio that is joined into one frame."""

AT_ONCE: Final = 16_384
"""Bytes that a free socket takes without being waited for."""

HASTE: Final = 0.005
"""Seconds since the last frame under which the next one is left to be joined with others."""


class Writer:
    """Sends one leg's audio; ``rate`` in samples a second, ``width`` their bytes.

    ``give_up`` is called where a Finalize stays without an answer.
    """

    def __init__(
        self,
        transport: Transport,
        watch: Watch,
        rate: int,
        width: int,
        monotonic: Callable[[], float],
        give_up: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._take = transport.take
        self._watch = watch
        self._most = int(SECONDS_A_FRAME * rate) * width
        self._monotonic = monotonic
        self._give_up = give_up
        self._waiting = bytearray()
        self._work = asyncio.Event()
        self._finalize = False
        self._ending = False
        self._went = monotonic()
        """When something was sent last."""

    def take(self, data: bytes, now: float) -> bool:
        """Sends a frame, ``now`` (monotonic s), where that costs no waiting; false: it did not."""
        busy = self._waiting or self._finalize or now - self._went < HASTE or len(data) > AT_ONCE
        if busy or not self._take(data):
            return False
        self._went = now
        return True

    def audio(self, data: bytes, now: float) -> None:
        """Takes a frame, ``now`` (monotonic s). What cannot go at once goes soon, or is joined."""
        if not self.take(data, now):
            self._waiting += data
            self._work.set()

    def finalize(self) -> None:
        """Asks for a final, behind the audio that is there."""
        self._finalize = True
        self._work.set()

    def end(self) -> None:
        """Has ``run`` end the stream when everything is sent."""
        self._ending = True
        self._work.set()

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
            due = self._went + KEEP_ALIVE
            if self._watch.finalize_due is not None:
                due = min(due, self._watch.finalize_due)
            try:
                async with asyncio.timeout(max(due - self._monotonic(), 0.0)):
                    await self._work.wait()
            except TimeoutError:
                self._note_overdue()
                if self._monotonic() >= self._went + KEEP_ALIVE:
                    await self._send(dg.KeepAlive().encode())
        self._note_overdue()

    def _note_overdue(self) -> None:
        if self._watch.finalize_is_overdue:
            self._watch.finalize_due = None
            self._give_up()

    async def _send(self, data: str | bytes) -> None:
        self._watch.sending()
        await self._transport.send(data)
        self._watch.sent()
        self._went = self._monotonic()
