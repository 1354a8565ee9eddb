"""LiveKit's Deepgram plugin alone as a gateway, behind a socket of Starlette's.

    python livekit_gateway.py PORT ws://127.0.0.1:SINK

There is no room and no agent: each leg is one stream of the plugin, which takes 16-bit PCM.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import uvicorn
from livekit import rtc
from livekit.agents.stt import SpeechEventType, SpeechStream
from livekit.plugins import deepgram
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

RATE = 8_000
PATIENCE = 2.0
"""Seconds in which the last results come."""


def _expand(code: int) -> int:
    """A mu-law byte as a 16-bit sample (G.711)."""
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 0x07)) - 0x84
    return -size if code & 0x80 else size


SAMPLES = np.array([_expand(code) for code in range(256)], dtype=np.int16)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """One HTTP session for all legs; by default it would stop at 100 sockets."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app.state.hearing = deepgram.STT(
            api_key="key",
            sample_rate=RATE,
            http_session=session,
            base_url=f"http{sys.argv[2].removeprefix('ws')}/v1/listen",
        )
        yield


async def media(socket: WebSocket) -> None:
    """One leg."""
    await socket.accept()
    stream = socket.app.state.hearing.stream()
    telling = asyncio.create_task(tell(stream, socket))
    await socket.send_text('{"event":"ready"}')  # what comes before its upstream is there, it keeps
    try:
        async for text in socket.iter_text():
            message = json.loads(text)
            if message["event"] == "media":
                audio = np.frombuffer(b64decode(message["media"]["payload"]), np.uint8)
                frame = rtc.AudioFrame(SAMPLES[audio].tobytes(), RATE, 1, len(audio))
                stream.push_frame(frame)
            elif message["event"] == "stop":
                break
        stream.end_input()
        await asyncio.wait([telling], timeout=PATIENCE)
    finally:
        telling.cancel()
        await stream.aclose()


async def tell(stream: SpeechStream, socket: WebSocket) -> None:
    """What is heard goes out."""
    final = SpeechEventType.FINAL_TRANSCRIPT
    try:
        async for event in stream:
            if event.type in (SpeechEventType.INTERIM_TRANSCRIPT, final):
                text = event.alternatives[0].text
                told = {"event": "transcript", "final": event.type == final, "text": text}
                await socket.send_text(json.dumps(told))
    except WebSocketDisconnect:
        pass


if __name__ == "__main__":
    logging.getLogger("livekit").setLevel(logging.WARNING)
    uvicorn.run(
        Starlette(routes=[WebSocketRoute("/media", media)], lifespan=lifespan),
        port=int(sys.argv[1]),
        log_level="warning",
        ws_per_message_deflate=False,
    )
