"""How a leg of the load gets into a gateway, and where its results come out.

A bare relay or a peer takes a stream at ``/media`` and answers on the same socket. Callscribe is
rung at as Twilio rings (signed, for a token), and tells its viewers: there is one for each call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from picows import WSError, ws_connect

from benchmarks.relay.board import Board
from benchmarks.relay.telephone import Leg, Socket
from callscribe.demo.client import Client
from callscribe.demo.telephone import Telephone
from callscribe.wire.browser import Failure

PATIENCE: Final = 20.0
"""Seconds for a handshake, and for what has to follow."""
AGAIN: Final = 0.1
"""Seconds until a viewer asks again for a call that is not there yet."""
TOKEN: Final = "relay"  # noqa: S105 - of servers that live for a measurement


class Door(Protocol):
    """Lets legs in."""

    async def enter(self, number: int) -> Leg:
        """Opens leg ``number``; it may speak when this returns. ``OSError`` for a no."""
        ...


class RelayDoor:
    """A relay that answers where it is spoken to."""

    def __init__(self, port: int, board: Board, frames: Sequence[bytes]) -> None:
        self._url = f"ws://127.0.0.1:{port}/media"
        self._board = board
        self._frames = frames

    async def enter(self, number: int) -> Leg:
        """Waits until the relay says that its upstream is open: it drops what comes before."""
        leg = Leg(self._board, number, f"CA{number:032x}", self._frames)
        await connect(lambda: leg, self._url)
        leg.start({})
        await asyncio.wait_for(leg.ready.wait(), PATIENCE)
        return leg


class Viewer(Socket):
    """Follows a call's events."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.refused = False

    def hear(self, text: bytes) -> None:
        """Tells by the first message whether this is a no."""
        if not self.ready.is_set():
            self.refused = json.loads(text)["type"] == Failure.type
            self.ready.set()


class CallscribeDoor:
    """Callscribe, rung at by telephone."""

    def __init__(self, port: int, board: Board, frames: Sequence[bytes]) -> None:
        self._client = Client("127.0.0.1", port)
        self._board = board
        self._frames = frames

    async def enter(self, number: int) -> Leg:
        """Rings, streams, and follows the call; its audio may come before anybody follows."""
        telephone = Telephone(self._client, TOKEN)
        answer = await telephone.ring()
        leg = Leg(self._board, number, telephone.call_sid, self._frames)
        await connect(lambda: leg, f"{self._client.ws}{answer.path}")
        leg.start(answer.parameters)
        async with asyncio.timeout(PATIENCE):
            leg.viewer = await self._follow(telephone.session_id, leg)
        return leg

    async def _follow(self, session_id: str, leg: Leg) -> Viewer:
        """A viewer of the call, which is there a moment after its stream has begun."""
        url = f"{self._client.ws}/ws/sessions/{session_id}/events"
        while True:
            if leg.closed.is_set():
                raise ConnectionRefusedError(f"the stream was closed: {leg.close_reason}")
            viewer = Viewer(self._board)
            await connect(lambda: viewer, url)  # noqa: B023 - awaited in this round
            await viewer.ready.wait()
            if not viewer.refused:
                return viewer
            await asyncio.sleep(AGAIN)


async def connect(listener: Callable[[], Socket], url: str) -> None:
    """Opens a socket. ``OSError`` where nobody lets us in."""
    try:
        await ws_connect(listener, url, websocket_handshake_timeout=PATIENCE)
    except WSError as error:
        raise ConnectionRefusedError(str(error)) from error


DOORS: Final[dict[str, Callable[[int, Board, Sequence[bytes]], Door]]] = {
    "relay": RelayDoor,
    "callscribe": CallscribeDoor,
}
