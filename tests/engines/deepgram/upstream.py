"""A server that does one thing wrong. Everything else is tested against our own ``/v1/listen``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

Behaviour = Callable[[ServerConnection], Awaitable[None]]

REQUEST_ID = "0199c0de-0000-7000-8000-000000000001"


@contextlib.asynccontextmanager
async def upstream(
    behave: Behaviour | None = None,
    *,
    status: int = 0,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> AsyncIterator[str]:
    """Serves until the block ends; gives the address."""

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

    async with serve(
        handle, "127.0.0.1", 0, process_request=refuse, process_response=name
    ) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def swallow(connection: ServerConnection) -> None:
    """Reads and never answers."""
    with contextlib.suppress(Exception):
        async for _ in connection:
            pass
