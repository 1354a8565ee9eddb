"""One telephone leg of the load: a Twilio media stream whose frames are ready before they go.

How a leg gets in, and where its results come out, depends on the gateway: see ``doors``.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from benchmarks.relay import marks
from benchmarks.relay.board import Board
from callscribe.demo.call import load_call
from callscribe.demo.telephone import ACCOUNT, SIZE
from callscribe.wire.g711 import samples_to_mulaw
from callscribe.wire.twilio import Connected, Start, StartBody, Stop, StopBody, encode


def speech() -> list[bytes]:
    """A technician of the demo call in 20 ms frames of mu-law; all legs say this."""
    leg = load_call("en").legs["technician"]
    audio = samples_to_mulaw(leg.samples)
    return [audio[at : at + SIZE] for at in range(0, len(audio) - SIZE + 1, SIZE)]


class Socket(WSListener):
    """A socket on which results may come."""

    transport: WSTransport

    def __init__(self, board: Board) -> None:
        self._board = board
        self.ready = asyncio.Event()
        """Something came: the other side is there."""
        self.results = asyncio.Event()
        """An interim result came: finals may be of the past."""
        self.closed = asyncio.Event()
        self.close_reason = ""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keeps the way to the other side."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Notes a result."""
        if frame.msg_type is WSMsgType.TEXT or frame.msg_type is WSMsgType.BINARY:
            now = time.monotonic_ns()
            text = frame.get_payload_as_bytes()
            mark = self._board.hears(text, now)
            if mark is not None and not mark.final:
                self.results.set()
            self.ready.set()
        elif frame.msg_type is WSMsgType.CLOSE:
            self.close_reason = f"{frame.get_close_code()} {frame.get_close_message()!r}"
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - its signature
        """The other side is gone; nobody has to wait for it any more."""
        self.closed.set()
        self.ready.set()
        self.results.set()


class Leg(Socket):
    """A call's media stream."""

    viewer: Socket | None = None
    """Where its results come out, where that is another socket."""

    def __init__(self, board: Board, number: int, call_sid: str, frames: Sequence[bytes]) -> None:
        super().__init__(board)
        self.number = number
        self.call_sid = call_sid
        self._sid = f"MZ{number:032x}"
        self._frames = frames
        self._at = number * 97 % len(frames)  # not all say the same at once
        self._sent = board.opens(number)
        self._late = board.lags.append
        self._head = b'{"event":"media","streamSid":"%s","sequenceNumber":"' % self._sid.encode()

    def start(self, parameters: Mapping[str, str]) -> None:
        """Says who calls."""
        body = StartBody(
            call_sid=self.call_sid,
            account_sid=ACCOUNT,
            stream_sid=self._sid,
            tracks=["inbound"],
            custom_parameters=dict(parameters),
        )
        self._say(encode(Connected()))
        self._say(encode(Start(sequence_number=1, stream_sid=self._sid, start=body)))

    def speak(self, due: int) -> None:
        """Sends the next frame, which was ``due`` (ns) at that moment."""
        if self.transport.is_disconnected:
            return
        number = self._note(due)
        if number == 1:
            audio = b64encode(marks.sign(self.number, b"\xff" * SIZE))
        else:
            audio = self._frames[(self._at + number) % len(self._frames)]
        self.transport.send(
            WSMsgType.TEXT,
            self._head
            + b'%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%s"}}'
            % (number + 1, number, 20 * (number - 1), audio),
        )

    def _note(self, due: int) -> int:
        """Notes that a frame goes now; its number, from 1."""
        now = time.monotonic_ns()
        self._sent.append(now)
        self._late(now - due)
        return len(self._sent)

    def stop(self) -> None:
        """Hangs up."""
        if not self.closed.is_set():
            body = StopBody(call_sid=self.call_sid, account_sid=ACCOUNT)
            self._say(encode(Stop(stream_sid=self._sid, stop=body)))

    def _say(self, text: str) -> None:
        self.transport.send(WSMsgType.TEXT, text.encode())


class DirectLeg(Leg):
    """A leg that speaks to the sink as a gateway would: bare audio."""

    def speak(self, due: int) -> None:
        """Sends the next frame."""
        if self.transport.is_disconnected:
            return
        number = self._note(due)
        audio = self._frames[(self._at + number) % len(self._frames)]
        if number == 1:
            audio = marks.sign(self.number, b"\xff" * SIZE)
        self.transport.send(WSMsgType.BINARY, audio)

    def stop(self) -> None:
        """Hangs up."""
        if not self.closed.is_set():
            self._say('{"type":"CloseStream"}')
