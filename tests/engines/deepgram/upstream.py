"""A server that does one thing wrong. Everything else is tested against our own ``/v1/listen``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

from callscribe.engines.base import TranscriptCallback
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.errors import EngineError
from tests import speech

Behaviour = Callable[[ServerConnection], Awaitable[None]]

REQUEST_ID = "0199c0de-0000-7000-8000-000000000001"


@contextlib.asynccontextmanager
async def upstream(
    behave: Behaviour | None = None,
    *,
    status: int = 0,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    sock: socket.socket | None = None,
) -> AsyncIterator[str]:
    """Serves until the block ends, at ``sock`` if that is given; gives the address."""

    def refuse(_connection: ServerConnection, _request: Request) -> Response | None:
        if not status:
            return None
        given = Headers({"dg-request-id": REQUEST_ID, **(headers or {})})
        return Response(status, HTTPStatus(status).phrase, given, body)

    def name(_connection: ServerConnection, _request: Request, response: Response) -> None:
        response.headers["dg-request-id"] = REQUEST_ID

    async def handle(connection: ServerConnection) -> None:
        if behave is not None:
            await behave(connection)

    where: dict[str, Any] = {"sock": sock} if sock else {"host": "127.0.0.1", "port": 0}
    async with serve(handle, **where, process_request=refuse, process_response=name) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def swallow(connection: ServerConnection) -> None:
    """Reads and never answers."""
    with contextlib.suppress(Exception):
        async for _ in connection:
            pass


FINAL = json.dumps(
    {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 1.0,
        "is_final": True,
        "speech_final": False,
        "channel": {
            "alternatives": [
                {
                    "transcript": "oui",
                    "confidence": 0.9,
                    "words": [{"word": "oui", "start": 0.1, "end": 0.9, "confidence": 0.9}],
                }
            ]
        },
    }
)
"""A final that ends no utterance."""

METADATA = (
    '{"type": "Metadata", "request_id": "r", "sha256": "x", "created": "", '
    '"duration": 1.0, "channels": 1}'
)
"""The end of a stream of a second."""


async def answer(connection: ServerConnection) -> None:
    """Answers each frame with a final, and ends in good order."""
    async for frame in connection:
        if frame == '{"type":"CloseStream"}':
            await connection.send(METADATA)
            return
        await connection.send(FINAL)


class Faulty(ThreadingHTTPServer):
    """Answers with the statuses it was given, then passes on what a good server said."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.statuses = statuses
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        """The request lines' targets, as they came."""
        self.good = GOOD
        """What a recording is answered with."""

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Faulty)
        chunks = b""
        if "content-length" in self.headers:
            chunks = self.rfile.read(int(self.headers["content-length"]))
        else:
            while size := int(self.rfile.readline(), 16):
                chunks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.bodies.append(chunks)
        self.server.paths.append(self.path)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        body = self.server.good if status == 200 else b'{"err_code": "X", "err_msg": "in words"}'
        if status == 299:  # half an answer
            status, body = 200, GOOD[:80]
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("dg-request-id", "r-1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


GOOD = (
    b'{"metadata": {"request_id": "r", "sha256": "", "created": "2026-01-01T00:00:00Z",'
    b' "duration": 3, "channels": 1, "models": [], "model_info": {}}, "results": {"channels": '
    b'[{"alternatives": [{"transcript": "oui", "confidence": 0.9, "words": '
    b'[{"word": "oui", "start": 0.5, "end": 0.9, "confidence": 0.9, "speaker": 1}]}]}]}}'
)


@contextlib.contextmanager
def faulty_server(*statuses: int) -> Iterator[Faulty]:
    """Answers requests with these statuses, then with a good recording."""
    server = Faulty(list(statuses))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def spoken(
    address: str, seconds: float, tell: TranscriptCallback, **more: Any
) -> DeepgramBatchService:
    """Sends the French agent to a service and closes the leg."""
    service = DeepgramBatchService("key", base_url=address)
    rate, samples = speech.leg("fr", "agent")
    connection = await service.transcribe_streaming("s", "fr", rate, tell, **more)
    pcm = samples[: int(seconds * rate)].astype("<i2").tobytes()
    for at in range(0, len(pcm), rate // 5):
        if connection.is_connected:
            await connection.send_audio(pcm[at : at + rate // 5])
        await asyncio.sleep(0.002)
    await connection.close()
    assert not connection.is_connected
    with pytest.raises(EngineError):
        await connection.send_audio(b"xx")
    return service
