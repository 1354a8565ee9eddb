"""The server's own end: nothing new begins, what runs goes on for a while, then all of it ends.

May import ``errors`` and ``service``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from callscribe.errors import CapacityError
from callscribe.service import EnhancedTranscriptionService

_log = structlog.get_logger(__name__)


class Stream(Protocol):
    """A stream that is not part of a call."""

    def ask_end(self) -> None:
        """Has it end as if its client had ended it."""
        ...


class Drain:
    """What runs here, and whether anything more may begin.

    ``patience`` is how long (s) it may go on when the server is told to end.
    """

    def __init__(self, service: EnhancedTranscriptionService, patience: float) -> None:
        self.patience = patience
        self._service = service
        self._streams: list[Stream] = []
        self._over = asyncio.Event()
        self._recordings = 0

    @property
    def begun(self) -> bool:
        """Nothing new is taken."""
        return self._service.draining

    def check_open(self) -> None:
        """``CapacityError`` where nothing new is taken any more."""
        if self.begun:
            raise CapacityError("the server is shutting down; try again", code="shutting_down")

    @property
    def is_idle(self) -> bool:
        """Nothing runs that would be cut off."""
        return not (self._service.live_legs or self._streams or self._recordings)

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        """Around a stream that is not part of a call."""
        self._streams.append(stream)
        if self._service.closing:
            stream.ask_end()
        try:
            yield
        finally:
            self._streams.remove(stream)
            if not self._streams:
                self._over.set()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Around a recording that is transcribed."""
        self._recordings += 1
        try:
            yield
        finally:
            self._recordings -= 1

    def begin(self, patience: float) -> None:
        """Takes nothing new, and tells those who follow a call how long (s) it may go on."""
        if not self.is_idle:
            _log.info("draining", legs=self._service.live_legs, seconds=patience)
        self._service.drain(patience)

    async def end(self) -> None:
        """Ends what runs, and waits until the last words of it are out."""
        for stream in self._streams:
            stream.ask_end()
        await self._service.close()
        if self._streams:
            self._over.clear()
            await self._over.wait()
