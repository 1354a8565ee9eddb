"""uvicorn's WebSockets, carried by picows on the port of the pages.

uvicorn hands an upgraded connection over with the request's head. The application is asked first;
once it accepts, picows takes the connection for good: no byte of a frame passes through here. The
application may take frames as they come, past ASGI's queue: see ``web.reading``. May import
``frames``, ``web.sockets`` and ``web.upgrade``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import structlog
from picows import WSAutoPingStrategy, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined] # its stub leaves it out
from uvicorn import Config
from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from callscribe.closing import LOST, Closed
from callscribe.flag import Flag
from callscribe.frames import Frames
from callscribe.web.sockets import DIRECT, SHUTTING_DOWN
from callscribe.web.upgrade import Headers, Refusal, Upgrade, read_upgrade

READ_BUFFER: Final = 4096
"""Bytes that a socket reads at once at first; a frame of 20 ms has less than a thousand."""

Message = dict[str, Any]

CHECKED: Final = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)
"""What picows is told of the request. It is stricter than RFC 6455 with the client's own head (such
as Firefox's ``Connection: keep-alive, Upgrade``), and would refuse after the application accepted.
"""

_log = structlog.get_logger(__name__)

# What picows says of a connection is said by us, or is a client's own fault.
_silent = logging.getLogger(f"{__name__}.picows")
_silent.setLevel(logging.CRITICAL + 1)


class SocketProtocol(asyncio.Protocol):
    """One socket, from its request on; made by uvicorn. ASGI's WebSocket, version 2.4."""

    going_away = (1012, SHUTTING_DOWN)

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._key: bytes | None = None
        """What the client wants to see hashed, once it has asked."""
        self._scope: Message = {}
        self._frames: Frames | None = None
        self._answering: tuple[int, Headers, list[bytes]] | None = None
        """The status, headers and body so far of an answer that refuses the socket."""
        self._over = False
        """Refused, or lost before it was accepted."""
        self._asked = False
        """The application knows that there is a client."""
        self._lost = Flag()

    # --- asyncio and uvicorn ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection that uvicorn has read the request from."""
        self._transport = cast("asyncio.Transport", transport)
        self._state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """The request's head, whole. Nothing more is read until the application has answered."""
        assert self._transport is not None  # noqa: S101 - connection_made comes first
        if self._over or self._key is not None:
            return
        upgrade = read_upgrade(data)
        if isinstance(upgrade, Refusal):
            self._refuse(upgrade.status, upgrade.headers, upgrade.reason.encode())
            return
        self._key = upgrade.key
        self._transport.pause_reading()
        self._scope = self._make_scope(upgrade, self._transport)
        task = self._loop.create_task(self._run())
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """The client has gone before it was accepted."""
        self._gone()

    def shutdown(self) -> None:
        """Ends the socket because the server ends; uvicorn calls it."""
        if self._frames is not None:
            self._frames.close(*self.going_away)
            self._frames.hang_up()
        elif not self._over:
            self._refuse(500, (), b"Internal Server Error")

    def _gone(self) -> None:
        self._over = True
        self._lost.set()
        self._state.connections.discard(self)

    # --- ASGI ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._config.loaded_app(self._scope, self._receive, self._send)
        except ClientDisconnected:
            pass
        except Exception:  # noqa: BLE001 - other sockets must not notice
            _log.exception("application_failed", path=self._scope["path"])
        if self._frames is None:
            if not self._over:
                self._refuse(500, (), b"Internal Server Error")
        elif self._frames.closed is None:
            self._frames.close(1011)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        if self._frames is None:
            await self._lost.wait()
            return {"type": "websocket.disconnect", "code": LOST}
        message = await self._frames.receive()
        if isinstance(message, Closed):
            return _disconnect(message)
        kind = "text" if isinstance(message, str) else "bytes"
        return {"type": "websocket.receive", kind: message}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        frames = self._frames
        if frames is not None:
            await self._pass_on(frames, message)
        elif self._over:
            raise ClientDisconnected
        elif self._answering is not None and kind == "websocket.http.response.body":
            status, headers, body = self._answering
            body.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._refuse(status, headers, b"".join(body))
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._refuse(403, (), b"")
        elif kind == "websocket.http.response.start":
            self._answering = (message["status"], list(message.get("headers", ())), [])
        else:
            raise RuntimeError(f"{kind!r} before the socket was accepted")

    @staticmethod
    async def _pass_on(frames: Frames, message: Message) -> None:
        if message["type"] == "websocket.close":
            frames.close(message.get("code") or 1000, message.get("reason") or "")
            return
        if frames.is_congested:
            await frames.drained()
        if frames.closed is not None:
            raise ClientDisconnected
        data = message.get("bytes")
        frames.send(message["text"] if data is None else data)

    # --- inside ----------------------------------------------------------------------------------

    def _accept(self, message: Message) -> None:
        """Answers with 101 and leaves the connection to picows."""
        transport = self._transport
        assert transport is not None and self._key is not None  # noqa: S101, PT018 - asked for
        config = self._config
        frames = Frames(
            config.ws_max_size, config.ws_ping_interval, config.ws_ping_timeout, self._gone
        )
        response = WSUpgradeResponse.create_101_response()
        if subprotocol := message.get("subprotocol"):
            response.headers.add("Sec-WebSocket-Protocol", subprotocol)
        for name, value in [*self._state.default_headers, *message.get("headers", ())]:
            response.headers.add(name.decode("latin-1"), value.decode(errors="replace"))
        protocol = WSProtocol(
            None,  # the host and
            None,  # the path are for clients
            False,
            lambda _: WSUpgradeResponseWithListener(response, frames),
            _silent,
            True,
            None,  # the request is here already
            False,
            1.0,
            1.0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # pings are answered by Frames
            config.ws_max_size,
            None,
            READ_BUFFER,
        )
        protocol.connection_made(transport)
        _feed(protocol, CHECKED % self._key)
        self._frames = self._scope["extensions"][DIRECT] = frames
        transport.set_protocol(protocol)
        transport.resume_reading()

    def _refuse(self, status: int, headers: Headers, body: bytes) -> None:
        """Answers in HTTP and closes."""
        assert self._transport is not None  # noqa: S101 - there is somebody to answer
        self._over = True
        self._lost.set()
        if not self._transport.is_closing():
            self._transport.write(_answer(status, headers, body))
            self._transport.resume_reading()
            self._transport.close()

    def _make_scope(self, upgrade: Upgrade, transport: asyncio.Transport) -> Message:
        root = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(transport) else "ws",
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "root_path": root,
            "path": root + unquote(upgrade.path),
            "raw_path": (root + upgrade.path).encode("latin-1"),
            "query_string": upgrade.query.encode("latin-1"),
            "headers": upgrade.headers,
            "subprotocols": upgrade.subprotocols,
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }


def _feed(protocol: WSProtocol, data: bytes) -> None:
    """Gives bytes to a protocol that reads into a buffer of its own."""
    while data:
        buffer = protocol.get_buffer(len(data))
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        protocol.buffer_updated(count)
        data = data[count:]


def _disconnect(closed: Closed) -> Message:
    return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}


def _answer(status: int, headers: Headers, body: bytes) -> bytes:
    named: Sequence[tuple[bytes, bytes]] = list(headers)
    known = {name.lower() for name, _ in named}
    defaults = (
        (b"date", formatdate(usegmt=True).encode()),
        (b"connection", b"close"),
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"text/plain; charset=utf-8"),
    )
    lines = [f"HTTP/1.1 {status} {_phrase(status)}".encode()]
    lines += [b"%b: %b" % pair for pair in named]
    lines += [b"%b: %b" % pair for pair in defaults if pair[0] not in known]
    return b"\r\n".join([*lines, b"", body])


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
