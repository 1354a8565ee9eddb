"""One WebSocket's frames, on picows: messages in, messages out, pings, and an end in good order.

What arrives goes to whoever has asked for it, at once and in order; until somebody asks it waits,
and when a little waits nothing more is read. May import ``closing``, ``flag``, ``parts`` and
``sending``. Protocol: RFC 6455.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from picows import WSCloseCode, WSFrame, WSMsgType, WSProtocolError, WSTransport

from callscribe.closing import LOST, NO_CODE, Closed, code_of, said_first
from callscribe.flag import Flag
from callscribe.parts import Parts
from callscribe.sending import Sending

LITTLE: Final = 16
"""Messages that may wait before reading stops."""
CLOSE_DEADLINE: Final = 10.0
"""Seconds that a client may take to answer a close, or to take what is left for it."""
GONE: Final = "keepalive ping timeout"

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_CLOSE, _PING, _PONG = WSMsgType.CLOSE, WSMsgType.PING, WSMsgType.PONG
_CONTROLS = frozenset({_CLOSE, _PING, _PONG})

Message = str | bytes | Closed

_NOTHING: Final[deque[Message]] = deque()
"""What waits where nothing ever did, as on most sockets."""

Quick = tuple[Callable[[str | bytes], object], Callable[[Any], None]]
"""What takes a message, and what gets what it returns if not None, or raises."""


class Frames(Sending):
    """An open socket. All methods are for the event loop's thread.

    ``most`` bytes may come in one message. A client from which nothing has come for ``ping_every``
    seconds is pinged, and given up as half-open ``ping_deadline`` seconds later. ``on_gone`` is
    called once, when the connection is no more.
    """

    # Four hundred legs have eight hundred of these: what a frame looks at lies side by side.
    __slots__ = (
        "_came",
        "_hear",
        "_loop",
        "_most",
        "_news",
        "_on_gone",
        "_over",
        "_parts",
        "_paused",
        "_ping_deadline",
        "_ping_every",
        "_quick",
        "_rest",
        "_several",
        "_timer",
        "_waiting",
        "has_more",
    )

    def __init__(
        self,
        most: int,
        ping_every: float | None,
        ping_deadline: float | None,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._parts: Parts | None = None
        """A message of which there are parts so far."""
        self._ping_every = ping_every
        self._ping_deadline = ping_deadline
        self._on_gone = on_gone
        self.has_more = False
        """Behind the message that is given there are others that came with it."""
        self._several = False
        self._hear: Callable[[Message], None] | None = None
        self._quick: Callable[[str | bytes], object] | None = None
        self._rest: Callable[[Any], None] | None = None
        self._over: Callable[[], None] | None = None
        self._waiting = _NOTHING
        self._news = Flag()
        self._paused = False
        self._came = False
        """Something has come since the last look at the clock."""
        self._timer: asyncio.TimerHandle | None = None

    # --- in --------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next message; ``Closed`` as the last one, and again to who asks again."""
        while not self._waiting:
            if self.closed is not None:
                return self.closed
            self._news.clear()
            await self._news.wait()
        message = self._waiting.popleft()
        if not self._waiting:
            self._read_on()
        return message

    def hear(
        self,
        take: Callable[[Message], None],
        over: Callable[[], None] | None = None,
        quick: Quick | None = None,
    ) -> None:
        """Has each message given to ``take`` as it comes, those first that wait; it must not raise.

        ``pause`` within it keeps what follows waiting until ``read_on``. ``over`` is called where
        several came together, when all of them have been given. Where ``quick`` is given, it gets
        those that come alone and whole instead.
        """
        self._hear, self._over = take, over
        self._quick, self._rest = quick or (None, None)
        self.read_on()

    def hear_no_more(self) -> None:
        """Keeps what comes for ``receive``."""
        self._hear = self._over = self._quick = self._rest = None

    def pause(self) -> None:
        """Reads nothing more for a while."""
        if not self._paused:
            self._paused = True
            if self._transport is not None and self.closed is None:
                self._transport.underlying_transport.pause_reading()

    def read_on(self) -> None:
        """Reads again: what waits is given first."""
        self._read_on()
        while self._waiting and self._hear is not None and not self._paused:
            message = self._waiting.popleft()
            self.has_more = bool(self._waiting)
            self._several = self._several or self.has_more
            self._hear(message)
        self._read_over()
        if self._waiting and self._hear is not None:
            return
        if self._hear is not None and self.closed is not None and not self._paused:
            hear, self._hear = self._hear, None
            hear(self.closed)

    # --- the end ---------------------------------------------------------------------------------

    def close(self, code: int, reason: str = "") -> None:
        """Closes in good order; what still comes is dropped. Idempotent."""
        transport = self._transport
        if transport is None or self.closed is not None:
            return
        self._let_go()
        said = reason.encode(errors="replace")[:123].decode(errors="ignore")
        transport.send_close(code, said.encode())  # type: ignore[arg-type]
        self._end(Closed(code, reason, ours=True))
        if self._paused:
            self._paused = False
            transport.underlying_transport.resume_reading()
        self._cut_off_later(transport)

    def hang_up(self) -> None:
        """Ends the connection when what was sent has left, without waiting for the client."""
        if self._transport is not None:
            self._let_go()
            self._free = False
            self._transport.disconnect()
            self._cut_off_later(self._transport)

    def abort(self) -> None:
        """Ends the connection at once, without a word."""
        if self._transport is not None:
            self._free = False
            self._transport.disconnect(graceful=False)

    # --- what picows calls -----------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self._open(transport)
        if self._ping_every:
            self._timer = self._loop.call_later(self._ping_every, self._look)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come. Where one breaks the protocol, picows closes with what is raised."""
        self._came = True
        quick = self._quick
        if (  # nearly always: a whole message, and somebody who takes it
            quick is not None
            and frame.last_in_buffer
            and frame.fin
            and not (self._several or self._paused or self._waiting)
            and self._parts is None
            and self.closed is None
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3 or transport.is_close_frame_sent)
        ):
            kind = frame.msg_type
            message: str | bytes | None = None
            if kind is _TEXT:
                try:  # noqa: SIM105 - which takes longer
                    message = frame.get_payload_as_utf8_text()
                except UnicodeDecodeError:
                    pass  # the long way says so
            elif kind is _BINARY:
                message = frame.get_payload_as_bytes()
            if message is not None:
                go_on = self._rest  # also where ``quick`` ends the reading
                try:
                    rest = quick(message)
                except Exception as error:  # noqa: BLE001 - whoever reads gets it
                    rest = error
                if rest is not None and go_on is not None:
                    go_on(rest)
                return
        self._take_any(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._end(said_first(transport) or Closed(LOST))
        self._transport = None
        self._drained.set()
        self._on_gone()

    # --- inside ----------------------------------------------------------------------------------

    def _take_any(self, transport: WSTransport, frame: WSFrame) -> None:
        last = frame.last_in_buffer
        if not last:
            self._several = self.has_more = True
        elif self._several:
            self.has_more = False
        try:
            self._take(transport, frame)
            if last and self._several:
                self._read_over()
        except WSProtocolError as error:
            self._refuse(transport, error)
            raise

    def _refuse(self, transport: WSTransport, error: WSProtocolError) -> None:
        self._let_go()
        code: Any = error.code  # a number, whatever its stub says
        self._end(Closed(int(code), str(error), ours=True))
        self._cut_off_later(transport)

    def _take(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "reserved bits are set")
        if kind in _CONTROLS:
            self._control(transport, frame, kind)
        # picows hands out what was too long, when it has said so.
        elif self.closed is None and not transport.is_close_frame_sent:
            parts = self._parts or Parts(self._most)
            message = parts.take(kind, frame)
            self._parts = parts if message is None else None
            if message is None:
                return
            if self._hear is not None and not self._waiting and not self._paused:
                self._hear(message)
            else:
                self._keep(message)

    def _control(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if kind == _CLOSE:
            self._answer_close(transport, frame)
        elif kind == _PING:
            self._answer_ping(frame.get_payload_as_bytes())

    def _read_over(self) -> None:
        """All that came together has been given, or nothing more of it will be."""
        self.has_more = False
        if self._several and not self._paused:
            self._several = False
            if self._over is not None:
                self._over()

    def _keep(self, message: Message) -> None:
        if self._waiting is _NOTHING:
            self._waiting = deque()
        self._waiting.append(message)
        self._news.set()
        if len(self._waiting) >= LITTLE:
            self.pause()

    def _answer_close(self, transport: WSTransport, frame: WSFrame) -> None:
        first = said_first(transport)
        if first is not None:
            self._end(first)
        else:
            said = frame.get_payload_as_bytes()
            code = code_of(said)
            self._let_go()
            transport.send_close(1000 if code == NO_CODE else code, said[2:])  # type: ignore[arg-type]
            self._end(Closed(code, said[2:].decode()))
        self.hang_up()

    def _cut_off_later(self, transport: WSTransport) -> None:
        """Who has not left by then is not waited for, not even with what is still to be sent."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_DEADLINE, transport.disconnect, False)

    def _end(self, closed: Closed) -> None:
        if self.closed is not None:
            return
        self._free = False
        self._read_over()
        self.closed = closed
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parts = None
        self._news.set()
        if self._hear is not None and not self._waiting and not self._paused:
            hear, self._hear = self._hear, None
            hear(closed)

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None and self.closed is None:
                self._transport.underlying_transport.resume_reading()

    def _look(self) -> None:
        """Pings a client from which nothing comes; while nothing is read that says nothing."""
        assert self._transport is not None and self._ping_every  # noqa: S101, PT018 - it is open
        wait, then = self._ping_every, self._look
        if not (self._came or self._paused):
            self._transport.send_ping()
            if self._ping_deadline:
                wait, then = self._ping_deadline, self._give_up
        self._came = False
        self._timer = self._loop.call_later(wait, then)

    def _give_up(self) -> None:
        if self._came or self._paused:
            self._look()
            return
        transport = self._transport
        assert transport is not None  # noqa: S101 - the timer is cancelled with it
        self._let_go()
        transport.send_close(WSCloseCode.INTERNAL_ERROR, GONE.encode())
        self._end(Closed(1011, GONE, ours=True))
        transport.disconnect(graceful=False)
