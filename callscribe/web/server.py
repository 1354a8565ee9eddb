"""The process that serves: uvicorn, and an end that loses nothing.

May import ``settings``, ``allocator``, ``collector`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import signal
import socket
import sys
from types import FrameType

import structlog
import uvicorn

from callscribe import logs
from callscribe.allocator import bound_arenas
from callscribe.collector import calm_collector, collect_all
from callscribe.engines import create_engine
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.web.app import EngineFactory, create_app
from callscribe.web.auth import is_loopback
from callscribe.web.context import Context
from callscribe.web.socket_protocol import SocketProtocol

LAST_WORDS = 80.0
"""Seconds that all calls together may take to end, with their last words."""

MAX_MESSAGE = 4 << 20
"""What the socket library reads at most, bytes; above it closes with 1009 by itself. It is more
than a frame of audio may hold, so that a client with frames too big is told so in words."""

TURN = 0.0005
"""Seconds after which a thread that computes lets the event loop have its turn; by itself Python
lets it wait for ten times as long, whenever the store writes."""

ACCEPTED = 8
"""Connections that are taken on each listening socket in one turn of uvloop's."""

_log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serves until the process is told to end; then all calls end, with their last words kept.

    ``ConfigurationError`` where the settings would open the server to everybody.
    """
    check_exposure(settings)
    logs.configure(settings.log_level, settings.log_format)
    server = create_server(settings)
    be_fair()
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def be_fair() -> None:
    """Has nothing in this process hold up its calls: memory, the collector, other threads.

    To be called when the program has been loaded; see ``calm_collector``.
    """
    bound_arenas()
    calm_collector()
    atexit.register(collect_all)  # some libraries complain of what is left at the exit
    sys.setswitchinterval(TURN)


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
        ws_ping_interval=10.0,
        ws_ping_timeout=10.0,
        log_config=None,
        access_log=settings.log_level == "debug",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    context = app.state.context

    if not isinstance(context, Context):
        raise TypeError("create_app gave another kind of application")
    return Server(config, context)


class Server(uvicorn.Server):
    """uvicorn, which ends the calls before it closes their sockets.

    By itself it would close them first, and the last finals would have nowhere to go. SIGTERM lets
    running calls go on for a while; a second one, or SIGINT, ends them at once, and SIGINT once
    more leaves without waiting for their last words.
    """

    def __init__(self, config: uvicorn.Config, context: Context) -> None:
        super().__init__(config)
        self.context = context
        self.hurried = False
        """Running calls are ended at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hears a signal. It is not raised again in the end: the process has done as it was told.

        Unless it had to leave without waiting for the last words.
        """
        if self.hurried and sig == signal.SIGINT:
            super().handle_exit(sig, frame)
        self.hurried = self.hurried or self.should_exit or sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, several times on each socket: uvloop takes one connection a turn from each.

        The turns of a busy loop are long, and a call that begins takes three connections.
        """
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        if self.should_exit or not type(loop).__module__.startswith("uvloop"):
            return  # the others take all that wait
        for known in [sock for listener in self.servers for sock in listener.sockets]:
            for _ in range(ACCEPTED - 1):
                self.servers.append(
                    await loop.create_server(
                        self._make_protocol,
                        sock=known.dup(),
                        ssl=self.config.ssl,
                        backlog=self.config.backlog,
                    )
                )

    def _make_protocol(self) -> asyncio.Protocol:
        """What takes a connection, as uvicorn makes it."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets calls run on, takes no new connection, ends all calls, closes what is left."""
        await self._let_run()
        for listener in self.servers:
            listener.close()
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(self._drained())
            while not (draining.done() or self.force_exit):
                await asyncio.wait([draining], timeout=0.1)
            draining.cancel()
        await super().shutdown(sockets)

    async def _let_run(self) -> None:
        """Refuses what is new, and waits a while for what runs to end by itself."""
        drain = self.context.drain
        patience = 0.0 if self.hurried else drain.patience
        drain.begin(patience)
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        # A signal's handler sets a flag and cannot wake anybody.
        while not (drain.is_idle or self.hurried) and clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def _drained(self) -> None:
        self.context.twilio.rest.close()  # who waits for Twilio must not hold the end up
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self.context.drain.end()
        except TimeoutError:
            _log.error("drain_incomplete", seconds=LAST_WORDS)
