"""The least that a relay on picows can do: a leg's socket in, one upstream out, results back.

python -m benchmarks.relay.bare_picows PORT ws://127.0.0.1:SINK

What a telephone says before the upstream is open is dropped.
"""

from __future__ import annotations

import asyncio
import sys
from base64 import b64decode

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server

from benchmarks.relay.bare import HEADERS, QUERY, READY, heard, told

_opening: set[asyncio.Task[object]] = set()


class Upstream(WSListener):
    """The socket to the recogniser; what it hears goes to ``leg``."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    def on_ws_connected(self, transport: WSTransport) -> None:
        """From here on the leg may speak."""
        self._leg.upstream = transport
        self._leg.transport.send(WSMsgType.TEXT, READY)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hands a result back."""
        if frame.msg_type is WSMsgType.TEXT:
            text = told(frame.get_payload_as_memoryview())
            if text is not None and not self._leg.transport.is_disconnected:
                self._leg.transport.send(WSMsgType.TEXT, text)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()


class Leg(WSListener):
    """The telephone's socket."""

    upstream: WSTransport | None = None
    transport: WSTransport

    def __init__(self, url: str) -> None:
        self._url = url

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Opens the upstream."""
        self.transport = transport
        task = asyncio.ensure_future(
            ws_connect(lambda: Upstream(self), self._url, extra_headers=HEADERS)
        )
        _opening.add(task)
        task.add_done_callback(_opening.discard)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Passes audio on."""
        if frame.msg_type is WSMsgType.TEXT:
            message = heard(frame.get_payload_as_memoryview())
            if self.upstream is None:
                return
            if message.event == "media" and message.media is not None:
                self.upstream.send(WSMsgType.BINARY, b64decode(message.media.payload))
            elif message.event == "stop":
                self.upstream.send(WSMsgType.TEXT, b'{"type":"CloseStream"}')
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - its signature
        """Hangs up upstream too."""
        if self.upstream is not None:
            self.upstream.disconnect()


async def main(port: int, sink: str) -> None:
    """Relays until it is ended."""
    url = f"{sink}/v1/listen?{QUERY}"
    server = await ws_create_server(lambda _request: Leg(url), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
