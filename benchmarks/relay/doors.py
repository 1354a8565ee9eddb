"""How a leg of the load gets into a gateway, and where its results come out.

The sink itself takes bare audio: that shows what is the measurement's own. A bare relay or a peer
takes a stream at ``/media`` and answers on the same socket. Callscribe is
rung at as Twilio rings (signed, for a token), and tells its viewers: there is one for each call.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from picows import WSError, ws_connect

from benchmarks.relay.bare import QUERY
from benchmarks.relay.board import Board
from benchmarks.relay.telephone import DirectLeg, Leg, Socket
from callscribe.demo.client import Client
from callscribe.demo.telephone import Telephone

PATIENCE: Final = 20.0
"""Seconds for a handshake, and for what has to follow."""
AGAIN: Final = (0.1, 1.0)
"""Seconds until a viewer asks for a call, and, doubled each time, again while it is not there yet;
up to the second of these: many who wait must not be what is measured.
"""
TOKEN: Final = "relay"  # noqa: S105 - of servers that live for a measurement


class Door(Protocol):
    """Lets legs in."""

    async def enter(self, number: int) -> Leg:
        """Opens leg ``number``; it has to speak when this returns. ``OSError`` for a no."""
        ...

    async def follow(self, leg: Leg) -> None:
        """Waits for the leg's first result. ``OSError`` where none comes."""
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

    async def follow(self, leg: Leg) -> None:
        """Results come on the leg's own socket."""
        await asyncio.wait_for(leg.results.wait(), PATIENCE)


class CallscribeDoor:
    """Callscribe, rung at by telephone."""

    def __init__(self, port: int, board: Board, frames: Sequence[bytes]) -> None:
        self._client = Client("127.0.0.1", port)
        self._board = board
        self._frames = frames

    async def enter(self, number: int) -> Leg:
        """Rings and streams; as at Twilio's, audio comes whether anybody follows or not."""
        telephone = Telephone(self._client, TOKEN)
        answer = await telephone.ring()
        leg = Leg(self._board, number, telephone.call_sid, self._frames)
        await connect(lambda: leg, f"{self._client.ws}{answer.path}")
        leg.start(answer.parameters)
        return leg

    async def follow(self, leg: Leg) -> None:
        """Opens a viewer, again where it comes before the call and is turned away.

        Where the call begins in that moment, it is told what is stored and let go.
        """
        url = f"{self._client.ws}/ws/sessions/twilio-{leg.call_sid}/events"
        pause, longest = AGAIN
        async with asyncio.timeout(PATIENCE):
            while not leg.closed.is_set():
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                viewer = Socket(self._board)
                await connect(lambda: viewer, url)  # noqa: B023 - awaited in this round
                await viewer.results.wait()
                if not viewer.closed.is_set():
                    leg.viewer = viewer
                    return
        raise ConnectionRefusedError(f"the stream was closed: {leg.close_reason}")


class DirectDoor(RelayDoor):
    """The sink, with nothing in between."""

    def __init__(self, port: int, board: Board, frames: Sequence[bytes]) -> None:
        super().__init__(port, board, [b64decode(frame) for frame in frames])
        self._url = f"ws://127.0.0.1:{port}/v1/listen?{QUERY}"

    async def enter(self, number: int) -> Leg:
        """Whoever is let in may speak."""
        leg = DirectLeg(self._board, number, "", self._frames)
        await connect(lambda: leg, self._url)
        return leg


async def connect(listener: Callable[[], Socket], url: str) -> None:
    """Opens a socket. ``OSError`` where nobody lets us in."""
    try:
        await ws_connect(listener, url, websocket_handshake_timeout=PATIENCE)
    except WSError as error:
        raise ConnectionRefusedError(str(error)) from error


DOORS: Final[dict[str, Callable[[int, Board, Sequence[bytes]], Door]]] = {
    "direct": DirectDoor,
    "relay": RelayDoor,
    "callscribe": CallscribeDoor,
}
