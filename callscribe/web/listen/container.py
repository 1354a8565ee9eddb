"""A recording with a head of its own, decoded while it comes, and delivered as it is decoded.

May import ``audio``, ``errors`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from callscribe.audio import RATE, Int16Array
from callscribe.errors import AudioError
from callscribe.web.listen.decoder import Decoder

SETTLING: Final = 5.0
"""Seconds that ``settle`` waits, at most: longer only when the decoder is far behind."""

STALLED: Final = 30.0
"""Seconds in which a decoder that was told the end has to come a step nearer to it."""

Deliver = Callable[[Int16Array], Awaitable[None]]
"""Takes what was read, (channels, n); while it waits, the client has to wait, too."""

_log = structlog.get_logger(__name__)


def undecodable() -> AudioError:
    """What is said of bytes that are no audio."""
    return AudioError(
        "the audio cannot be decoded: send a container such as WAV or Ogg without encoding, or "
        "raw audio with encoding and sample_rate",
        code="undecodable",
    )


class Container:
    """The event loop's side of a decoder: ``carry`` delivers, the others wait for it."""

    def __init__(self, deliver: Deliver) -> None:
        self.rate = RATE
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder(self._tell)
        self._news = asyncio.Event()
        """For ``carry``: look again at what the decoder has."""
        self._moved = asyncio.Event()
        """For those that wait for ``carry`` or the decoder to come on."""
        self._delivering = self._carried = self._ending = False

    async def carry(self) -> None:
        """Delivers what is decoded, in order, until the end; ``AudioError`` when it is no audio."""
        while True:
            self._news.clear()
            over = self._decoder.over
            await self._deliver_all()
            if over:
                break
            try:
                async with asyncio.timeout(STALLED if self._ending else None):
                    await self._news.wait()
            except TimeoutError:
                _log.warning("listen_decoder_stalled", seconds=STALLED)
                break
        self._carried = True
        self._moved.set()
        if self._decoder.error is not None:
            raise undecodable() from self._decoder.error

    async def push(self, data: bytes) -> None:
        """The next bytes; waits while the decoder is far behind."""
        self._decoder.put(data)
        await self._until(lambda: self._decoder.has_room)

    async def settle(self) -> None:
        """Waits until what can be decoded so far is delivered.

        Not all can: a packet may lack its end, and some codecs look ahead, FLAC by ten blocks.
        That much is delivered when more comes, or the end.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLING):
                await self._until(lambda: not self._delivering and self._decoder.settled)

    async def finish(self) -> None:
        """Tells the decoder the end, and waits until all is delivered."""
        self._ending = True
        self._decoder.end()
        self._news.set()
        await self._until(lambda: False)

    def close(self) -> None:
        """Ends the decoder's thread."""
        self._decoder.close()

    async def _deliver_all(self) -> None:
        while (block := self._decoder.take()) is not None:
            self._delivering = True
            await self._deliver(block)
            self._delivering = False
        self._moved.set()

    async def _until(self, reached: Callable[[], bool]) -> None:
        """Waits for a state of the decoder, or until nothing is carried any more."""
        while not (self._carried or reached()):
            self._moved.clear()
            await self._moved.wait()

    def _tell(self) -> None:
        """Runs on the decoder's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news.set()
        self._moved.set()
