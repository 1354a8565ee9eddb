"""Looks at the open piece of one leg, for interims while requests stand in for a stream.

When it is time for one is decided by ``peeks``. May import ``transcript`` and its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from msgspec.structs import replace

from callscribe.engines.deepgram.cutter import PauseCutter, Piece, as_wav
from callscribe.engines.deepgram.peeks import PATIENCE, Peeks
from callscribe.engines.deepgram.results import of_piece, told_apart
from callscribe.transcript import Result

_log = structlog.get_logger(__name__)


class Glances:
    """One look at a time; ``request`` makes it, ``seen`` is called when it has ended."""

    def __init__(
        self,
        session_id: str,
        sample_rate: int,
        request: Callable[[bytes], Any],
        seen: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._session_id = session_id
        self._rate = sample_rate
        self._request = request
        self._seen = seen
        self._monotonic = monotonic
        self._peeks = Peeks()
        self._under_way: asyncio.Task[Result | None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether there is one that was neither taken nor dropped."""
        return self._under_way is not None

    def go_on(self, cutter: PauseCutter, voices: int) -> None:
        """Has the open piece looked at, if it is time; ``voices`` have a label by now."""
        spoken_from, end = cutter.spoken_from, cutter.seconds
        if self._under_way is not None or spoken_from is None:
            return
        if self._peeks.are_due(spoken_from, end):
            look = self._look(cutter.open_piece, voices)
            self._under_way = asyncio.create_task(look, name=f"deepgram-look-{self._session_id}")
            self._under_way.add_done_callback(lambda _: self._seen())

    def take(self) -> Result | None:
        """The interim of a look that has ended; None: there is none."""
        look = self._under_way
        if look is None or not look.done():
            return None
        self._under_way = None
        return look.result()

    def drop(self) -> None:
        """The piece has ended: what is seen of it does not count any more."""
        if self._under_way is not None:
            self._under_way.cancel()
            self._under_way = None

    async def _look(self, piece: Piece, voices: int) -> Result | None:
        end, began = piece.end(self._rate), self._monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                wav = await asyncio.to_thread(as_wav, piece, self._rate)
                answer = await self._request(wav)
            took = self._monotonic() - began
            heard, _ = told_apart(of_piece(answer, piece.start, end, took), voices)
        except Exception as error:  # noqa: BLE001 - the piece itself will say what is wrong
            _log.debug("deepgram_look", session=self._session_id, error=type(error).__name__)
            self._peeks.failed(end)
            return None
        self._peeks.looked(end, took)
        if not heard.words:
            return None
        return replace(heard, is_final=False, speech_final=False, until=None)
