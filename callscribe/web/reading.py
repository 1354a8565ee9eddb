"""Takes what comes on a socket: audio in the moment it arrives, everything else in its turn.

Where the server is ours, a frame goes from the socket to the engine in one call; under any other
ASGI server the same handlers are called from a loop. May import ``reading`` and ``web.sockets``.
"""

from __future__ import annotations

from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.reading import Later, Over, Take, read_frames
from callscribe.web.sockets import frames_of


async def read_all(socket: WebSocket, take: Take, over: Over | None = None) -> None:
    """Gives all that comes to ``take`` until it says that it is over; see ``reading`` for ``over``.

    ``WebSocketDisconnect`` when the client goes first; what ``take`` raises ends the reading too.
    """
    frames = frames_of(socket)
    if frames is None:
        await _loop(socket, take)
        return
    end = await read_frames(frames, take, over)
    if end is not None:
        raise WebSocketDisconnect(end.code, end.reason)


async def _loop(socket: WebSocket, take: Take) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        text = message.get("text")
        work = take(message.get("bytes") or b"" if text is None else text)
        if isinstance(work, Later):
            if await work.work:
                return
        elif work is not None:
            await work
