"""Messages that come in parts, put together; and text that has to be UTF-8.

Pure: no socket. Imports nothing of ours. Protocol: RFC 6455, sections 5.4 and 8.1.
"""

from __future__ import annotations

from collections.abc import Callable

from picows import WSCloseCode, WSFrame, WSMsgType, WSProtocolError

_TEXT, _BINARY, _CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION


class Parts:
    """Of one message, which may come in parts; ``most`` bytes may come in it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: bytearray | None = None
        """What has come of a message in parts."""
        self._kind = _BINARY

    def take(self, kind: WSMsgType, frame: WSFrame) -> str | bytes | None:
        """A message's frame: the whole message where it ends with it.

        ``WSProtocolError``, with the code to close with, for what may not come.
        """
        if frame.fin and self._parts is None and kind != _CONTINUATION:
            if kind == _TEXT:
                return _text(frame.get_payload_as_utf8_text)
            return frame.get_payload_as_bytes()
        if (kind == _CONTINUATION) != (self._parts is not None):
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a part without its beginning or end")
        if self._parts is None:
            self._kind = kind
            self._parts = bytearray()
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > self._most:
            raise WSProtocolError(
                WSCloseCode.MESSAGE_TOO_BIG, f"a message may hold {self._most} bytes"
            )
        if not frame.fin:
            return None
        whole, self._parts = bytes(self._parts), None
        return _text(whole.decode) if self._kind == _TEXT else whole


def _text(decode: Callable[[], str]) -> str:
    try:
        return decode()
    except UnicodeDecodeError:
        raise WSProtocolError(WSCloseCode.INVALID_TEXT, "text that is no UTF-8") from None
