"""A server that speaks Deepgram's ``/v1/listen`` and recognises nothing, on picows.

    python -m benchmarks.relay.sink

Prints its port, and what it has seen when it is ended. Every 100 ms of audio are answered at once,
in the callback that they came in.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
import uuid
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import msgspec
import uvloop
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

from benchmarks.relay import heard, marks

WIDTHS = {"mulaw": 1, "alaw": 1, "linear16": 2}
"""Bytes of a sample."""


class _Kind(msgspec.Struct):
    type: str = ""


_KIND = msgspec.json.Decoder(_Kind)


class Listening(WSListener):
    """One stream."""

    def __init__(self, path: str, seen: Counter[str]) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self._width = WIDTHS[asked.get("encoding", "linear16")]
        self._per_ms = self._width * int(asked.get("sample_rate", 16_000)) // 1000
        self._seen = seen
        self._bytes = 0
        self._due = heard.STEP
        self._due_bytes = self._due * self._per_ms
        self._begun = 0
        self._leg = -1
        seen["streams"] += 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Takes audio or a message."""
        if frame.msg_type is WSMsgType.BINARY:
            self._listen(transport, frame)
        elif frame.msg_type is WSMsgType.TEXT:
            self._obey(transport, _KIND.decode(frame.get_payload_as_memoryview()).type)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def _listen(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._leg < 0 and frame.payload_size >= marks.BITS * self._width:
            self._leg = marks.leg_of(frame.get_payload_as_memoryview(), self._width)
        self._bytes += frame.payload_size
        if self._bytes < self._due_bytes:
            return
        now = time.monotonic_ns()
        while self._bytes >= self._due_bytes:
            self._tell(transport, heard.result(self._leg, self._begun, self._due, now))
            if self._due % heard.SEGMENT == 0:
                self._begun = self._due
            self._due += heard.STEP
            self._due_bytes = self._due * self._per_ms

    def _obey(self, transport: WSTransport, kind: str) -> None:
        self._seen[kind] += 1
        if kind == "Finalize":
            self._close_segment(transport, asked=True)
        elif kind == "CloseStream":
            self._close_segment(transport, asked=False)
            ended = heard.metadata(str(uuid.uuid4()), self._bytes / self._per_ms)
            transport.send(WSMsgType.TEXT, ended)
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def _close_segment(self, transport: WSTransport, *, asked: bool) -> None:
        """The final of what has been heard of the open segment, where there is something."""
        until = self._bytes // self._per_ms
        if until == self._begun:
            return
        now = time.monotonic_ns()
        message = heard.result(self._leg, self._begun, until, now, last=not asked, asked=asked)
        self._tell(transport, message)
        self._begun = until

    def _tell(self, transport: WSTransport, message: bytes) -> None:
        transport.send(WSMsgType.TEXT, message)
        self._seen["results"] += 1


async def main() -> None:
    """Serves until it is ended."""
    seen: Counter[str] = Counter()

    def listening(request: WSUpgradeRequest) -> Listening:
        return Listening(request.path.decode(), seen)

    server = await ws_create_server(listening, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
