"""The half of a WebSocket that sends, on picows: in order, and little more than the client takes.

May import ``closing``, ``flag`` and ``tick``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from picows import WSListener, WSMsgType, WSTransport

from callscribe.closing import Closed
from callscribe.flag import Flag
from callscribe.tick import tick

COPIED: Final = 8192
"""Bytes up to which picows sends a copy. Above it leaves a view of its header with the transport,
and while that waits for a slow reader the next frame's header is written over it."""
HEADER: Final = 14
"""Bytes of the longest header; picows wants as many before a message."""

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY


class Sending(WSListener):
    """What is sent on a socket, and whether the client takes it."""

    __slots__ = (
        "_drained",
        "_free",
        "_held",
        "_held_at",
        "_ping",
        "_send",
        "_tick",
        "_transport",
        "closed",
    )

    def __init__(self) -> None:
        self._tick = tick()
        self._transport: WSTransport | None = None
        self._send: Callable[[WSMsgType, bytes], None]
        self._free = False
        """It is open, and the client takes what is sent."""
        self._held_at = -1
        """What was taken last is held while the tick has begun to send as often as this."""
        self._held = 0
        """Bytes that are held then, with their headers."""
        self._drained = Flag()
        self._drained.set()
        self._ping: bytes | None = None
        """The last ping that could not be answered yet."""
        self.closed: Closed | None = None
        """How it ended; None while it is open."""

    @property
    def is_congested(self) -> bool:
        """Whether something waits to be sent: the client reads slowly."""
        return not self._drained.is_set()

    def send(self, message: str | bytes) -> None:
        """Sends a message, or nothing when the connection is closed."""
        transport = self._transport
        if transport is None or self.closed is not None:
            return
        self._let_go()
        kind, data = (_TEXT, message.encode()) if isinstance(message, str) else (_BINARY, message)
        if len(data) <= COPIED:
            transport.send(kind, data)
        else:
            room = bytearray(HEADER)
            room += data
            transport.send_reuse_external_bytearray(kind, room, HEADER)

    def take(self, data: bytes) -> bool:
        """Sends binary data at the end of this turn of the event loop, with what others send.

        False, and nothing is sent, where the client reads slowly, or it is more than ``COPIED``.
        """
        if not self._free or len(data) > COPIED:
            return False
        tick = self._tick
        if self._held_at == tick.sendings:
            return self._hold_more(_BINARY, data)
        self._held_at, self._held = tick.sendings, HEADER + len(data)
        tick.send(self._send, _BINARY, data)
        return True

    def take_text(self, text: bytes) -> bool:
        """The same for text, in UTF-8."""
        # Not by a method for both: every frame would make one call more.
        if not self._free or len(text) > COPIED:
            return False
        tick = self._tick
        if self._held_at == tick.sendings:
            return self._hold_more(_TEXT, text)
        self._held_at, self._held = tick.sendings, HEADER + len(text)
        tick.send(self._send, _TEXT, text)
        return True

    async def drained(self) -> None:
        """Waits while the client reads slowly."""
        await self._drained.wait()

    def get_extra_info(self, name: str) -> Any:  # noqa: ANN401 - as asyncio's transports do
        """What is known of the connection below, by asyncio's names; None once it is gone."""
        transport = self._transport
        return transport and transport.underlying_transport.get_extra_info(name)

    # --- what picows calls -----------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Something waits: the client reads slowly."""
        self._free = False
        self._drained.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._free = self.closed is None
        self._drained.set()
        if self._ping is not None and self._transport is not None:
            self._transport.send_pong(self._ping)
            self._ping = None

    # --- inside ----------------------------------------------------------------------------------

    def _open(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self._transport = transport
        # ``pause_writing`` is called as soon as anything waits; TLS would take 0 for always.
        transport.underlying_transport.set_write_buffer_limits(high=1, low=0)
        self._send = transport.send
        self._free = True

    def _hold_more(self, kind: WSMsgType, data: bytes) -> bool:
        """Takes another one in the same turn; behind a lot it is looked whether the client does."""
        tick = self._tick
        self._held += HEADER + len(data)
        if self._held > COPIED:
            tick.send_now()
            if not self._free:
                return False
            self._held_at, self._held = tick.sendings, HEADER + len(data)
        tick.send(self._send, kind, data)
        return True

    def _let_go(self) -> None:
        """Has sent what is held, that of all sockets, before anything else is sent."""
        if self._held_at == self._tick.sendings:
            self._tick.send_now()

    def _answer_ping(self, said: bytes) -> None:
        """Answers, or the last one later: what is sent to who reads slowly must not pile up."""
        if self._drained.is_set() and self._transport is not None:
            self._transport.send_pong(said)
        else:
            self._ping = said
