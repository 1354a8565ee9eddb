"""What every answer carries, and how much a request may hold. May import ``web.errors``."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callscribe.errors import ProtocolError
from callscribe.web.errors import error_response

MAX_BODY = 64 * 1024
"""The longest request body, bytes: configuration is small, audio comes by socket."""

MAX_RECORDING = 2 << 30
"""The longest recording that is taken at ``/v1/listen``, bytes; Deepgram's own limit."""

RECORDINGS = "/v1/listen"

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """ASGI middleware: the headers that keep a browser from being used against its owner."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, with the headers added to the answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                private = scope["path"].startswith("/api/")
                headers.setdefault("Cache-Control", "no-store" if private else "no-cache")
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """ASGI middleware: reads no request body longer than its address may take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a body that says it is too long; cuts off one that only turns out to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_RECORDING if scope["path"] == RECORDINGS else MAX_BODY
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            await error_response(_too_big(most), scope["path"])(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, _too_big(most).message)
            return message

        await self._app(scope, counted, send)


def _too_big(most: int) -> ProtocolError:
    return ProtocolError(f"a request body may hold {most} bytes", code="too_big")
