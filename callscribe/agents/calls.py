"""The calls that agents are told of, read from the store once for all of them.

May import ``agents.base``, the contract of the store and core.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from callscribe.agents.base import Call
from callscribe.store.base import Store

KEPT = 64
"""Calls that are kept at hand."""


class Calls:
    """Gives a call as far as the store knows it."""

    def __init__(self, store: Store, kept: int = KEPT) -> None:
        self._store = store
        self._kept = kept
        self._known: OrderedDict[str, tuple[int, Call]] = OrderedDict()

    async def up_to(self, session_id: str, seq: int) -> Call:
        """The call with the event ``seq`` at least; the transcript is the caller's own."""
        known = self._known.get(session_id)
        if known is None or known[0] < seq:
            known = self._known[session_id] = (seq, await self._read(session_id))
        self._known.move_to_end(session_id)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        call = known[1]
        return replace(call, transcript=call.transcript.copy())

    async def _read(self, session_id: str) -> Call:
        transcript = await self._store.transcript(session_id)
        stored = await self._store.call(session_id)
        language = str(stored.config.get("transcription_language", "")) if stored else ""
        return Call(session_id=session_id, language=language, transcript=transcript)
