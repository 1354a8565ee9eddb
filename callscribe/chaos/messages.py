"""What passes a connection in one direction, cut into the pieces that can be held up or broken.

May import ``errors`` and its own room.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from websockets.exceptions import ProtocolError as BrokenFrame
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from callscribe.chaos.schedule import Event
from callscribe.errors import ProtocolError
from callscribe.wire.deepgram_errors import SILENT_CLIENT, UNDECODABLE

REASONS: Final = dict([UNDECODABLE, SILENT_CLIENT])
WAYS: Final = ("cut", "type", "null", "binary")


class Piece(NamedTuple):
    """Bytes that go on together; pings and their answers are ``control``."""

    data: bytes
    control: bool = False


class Cutter(Protocol):
    """Finds the pieces in what was read."""

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are whole now; ``ProtocolError`` when there can be no more."""
        ...


class Uncut:
    """A request's or an answer's bytes, as they come."""

    def feed(self, data: bytes) -> list[Piece]:
        """One piece."""
        return [Piece(data)]


class Frames:
    """A WebSocket's frames, in one direction; the next message can be broken."""

    def __init__(self, *, masked: bool, garbled: Callable[[Event], None]) -> None:
        self._masked = masked
        self._garbled = garbled
        self._due: deque[Event] = deque()
        self._bytes = StreamReader()
        self._found: list[Frame] = []
        self._parser = self._parse()
        next(self._parser)

    def garble(self, event: Event) -> None:
        """Breaks the next message."""
        self._due.append(event)

    def feed(self, data: bytes) -> list[Piece]:
        """The frames that are whole now, in the form in which they go on."""
        self._bytes.feed_data(data)
        try:
            next(self._parser)
        except BrokenFrame as error:
            raise ProtocolError(f"this is no WebSocket frame: {error}") from None
        found, self._found = self._found, []
        return [self._piece(frame) for frame in found]

    def _parse(self) -> Generator[None, None, None]:
        while True:
            frame = yield from Frame.parse(self._bytes.read_exact, mask=self._masked)
            self._found.append(frame)

    def _piece(self, frame: Frame) -> Piece:
        if self._due and frame.opcode is Opcode.TEXT and frame.fin:
            event = self._due.popleft()
            frame = garbled(frame, event.fault.argument, event.draw)
            self._garbled(event)
        control = frame.opcode in (Opcode.PING, Opcode.PONG)
        return Piece(frame.serialize(mask=self._masked), control)


def garbled(frame: Frame, way: str, draw: float) -> Frame:
    """A text message, broken in a way of ``WAYS``, or in one that ``draw`` chooses."""
    random = Random(draw)  # noqa: S311 - no secret
    way = way or random.choice(WAYS)
    text = bytes(frame.data).decode("utf-8", "replace")
    if way == "binary":
        return Frame(Opcode.BINARY, frame.data)
    message = _object(text)
    if way == "cut" or message is None:
        text = text[: max(1, random.randrange(len(text) or 1))]
    elif way == "type":
        text = json.dumps({**message, "type": "Chaos"})
    else:
        text = json.dumps({**dict.fromkeys(message), "type": message.get("type")})
    return Frame(Opcode.TEXT, text.encode())


def close_frame(code: int) -> bytes:
    """What the server sends to close, with Deepgram's reason where the code has one."""
    close = Close(code, REASONS.get(code, ""))
    return Frame(Opcode.CLOSE, close.serialize()).serialize(mask=False)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
