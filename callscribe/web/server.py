"""The process that serves: uvicorn, and an end that loses nothing.

May import ``settings`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable

import structlog
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from callscribe import logs
from callscribe.engines import create_engine
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.web.app import EngineFactory, create_app
from callscribe.web.auth import is_loopback

DRAIN = 60.0
"""Seconds that all calls together may take to end when the process is told to."""

MAX_MESSAGE = 4 << 20
"""What the socket library reads at most, bytes; above it closes with 1009 by itself. It is more
than a frame of audio may hold, so that a client with frames too big is told so in words."""

_log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serves until the process is told to end; then all calls end, with their last words kept.

    ``ConfigurationError`` where the settings would open the server to everybody.
    """
    check_exposure(settings)
    logs.configure(settings.log_level, settings.log_format)
    with contextlib.suppress(KeyboardInterrupt):
        create_server(settings).run()


def check_exposure(settings: Settings) -> None:
    """Refuses to listen beyond this machine without keys."""
    if not settings.api_keys and not is_loopback(settings.host):
        raise ConfigurationError(
            f"on {settings.host} everybody in the network could listen to the calls; set "
            "CALLSCRIBE_API_KEYS, or CALLSCRIBE_HOST=127.0.0.1"
        )


def create_server(settings: Settings, *, engine_factory: EngineFactory = create_engine) -> Server:
    """The server for these settings, not yet running."""
    app = create_app(settings, engine_factory=engine_factory)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws=SocketProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # audio does not shrink, and small texts are not worth it
        ws_ping_interval=10.0,
        ws_ping_timeout=10.0,
        log_config=None,
        access_log=settings.log_level == "debug",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    context = app.state.context

    async def drain() -> None:
        context.twilio.rest.close()  # who waits for Twilio must not hold the end up
        await context.service.close()

    return Server(config, drain=drain)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether uvicorn's line is worth one: it takes every upgrade that is refused for a bug."""
    return record.msg != "ASGI callable returned without completing handshake."


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's socket, which bears it that the server ends while it is closing already."""

    def shutdown(self) -> None:
        """Closes with 1012; by itself it would raise, and leave the other sockets open."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn, which ends the calls before it closes their sockets.

    By itself it would close them first, and the last finals would have nowhere to go.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no new connection, ends all calls, then closes what is left."""
        for listener in self.servers:
            listener.close()
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(self._drained())
            while not (draining.done() or self.force_exit):
                await asyncio.wait([draining], timeout=0.1)
            draining.cancel()
        await super().shutdown(sockets)

    async def _drained(self) -> None:
        try:
            async with asyncio.timeout(DRAIN):
                await self._drain()
        except TimeoutError:
            _log.error("drain_incomplete", seconds=DRAIN)
