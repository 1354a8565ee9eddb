"""The socket under the official SDK.

The SDK decides address, options and authentication. This carries bytes, and knows what the SDK does
not tell: why an upgrade was refused, why a socket was closed.

May import ``engines.deepgram.faults`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final

from deepgram import transport as hook
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)
from websockets.protocol import State

from callscribe.engines.deepgram import faults
from callscribe.errors import ConfigurationError, UpstreamError

OPEN_DEADLINE: Final = 10.0
PING_EVERY: Final = 5.0
PING_DEADLINE: Final = 5.0
"""Seconds without an answer to a ping after which a socket is half-open, and given up."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds that a server may take to close a socket that is given up."""
MAX_MESSAGE: Final = 4 << 20


class Transport:
    """One socket, opened by ``open``. The methods are those that the SDK asks of a transport."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)
        self._socket: ClientConnection | None = None
        self.request_id = ""
        """Deepgram's name for the connection."""

    async def open(self) -> None:
        """Connects; ``UpstreamError`` says why not."""
        try:
            self._socket = await connect(
                self._url,
                additional_headers=self._headers,
                compression=None,  # audio does not shrink
                open_timeout=OPEN_DEADLINE,
                ping_interval=PING_EVERY,
                ping_timeout=PING_DEADLINE,
                close_timeout=CLOSE_DEADLINE,
                max_size=MAX_MESSAGE,
            )
        except InvalidStatus as error:
            answer = error.response
            # A header that comes twice is no reason to fail: the last one counts.
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            raise faults.refused(answer.status_code, headers, bytes(answer.body or b"")) from None
        except InvalidProxy as error:  # not in full: a proxy's address may hold a password
            raise faults.no_proxy(error.msg) from None
        except ImportError as error:  # SOCKS needs a package that nothing else does
            raise faults.no_proxy(str(error)) from None
        except (OSError, TimeoutError, ValueError, InvalidHandshake, InvalidURI) as error:
            raise faults.unreachable(error) from None
        if self._socket.response is not None:
            found = self._socket.response.headers.get_all("dg-request-id")
            self.request_id = found[0] if found else ""

    @property
    def is_free(self) -> bool:
        """True while a frame would leave at once: the socket is open, and nothing waits in it."""
        socket = self._socket
        return (
            socket is not None
            and socket.state is State.OPEN
            and not socket.transport.get_write_buffer_size()
        )

    async def send(self, data: str | bytes) -> None:
        """Sends a frame; ``UpstreamError`` when the socket is closed."""
        socket = self._opened()
        try:
            await socket.send(data)
        except ConnectionClosed as error:
            raise self.fault(error) from None

    async def recv(self) -> str | bytes:
        """The next frame; ``UpstreamError`` when the socket is closed."""
        socket = self._opened()
        try:
            return await socket.recv()
        except ConnectionClosed as error:
            raise self.fault(error) from None

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The frames until the server closes with 1000; ``UpstreamError`` for another close."""
        socket = self._opened()
        try:
            while True:
                yield await socket.recv()
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code != 1000:
                raise self.fault(error) from None

    async def close(self) -> None:
        """Closes the socket. Idempotent."""
        if self._socket is not None:
            await self._socket.close()

    async def abort(self) -> None:
        """Frees the socket at once, without a word to the server. Idempotent."""
        if self._socket is not None:
            self._socket.transport.abort()
            await self._socket.wait_closed()

    def fault(self, error: ConnectionClosed) -> UpstreamError:
        """Why the socket is closed."""
        ours, theirs = error.sent, error.rcvd
        if ours is not None and not error.rcvd_then_sent:  # what came back is but its echo
            return faults.hung_up(ours.code, ours.reason, self.request_id)
        code, reason = (theirs.code, theirs.reason) if theirs else (1006, "")
        return faults.closed(code, reason, self.request_id)

    def _opened(self) -> ClientConnection:
        if self._socket is None:
            raise RuntimeError("the transport has not been opened")
        return self._socket


async def make_transport(
    connecting: Callable[[], AbstractAsyncContextManager[Any]], resources: AsyncExitStack
) -> Transport:
    """The transport for one connection of the SDK, not yet opened; ``resources`` close it.

    The SDK's hook for transports serves the whole process. It is ours only while the SDK makes this
    one, which waits for nothing: other clients of the SDK in the same process keep their sockets.
    ``ConfigurationError`` where the program has put a transport of its own into the hook.
    """
    made: list[Transport] = []

    def make(url: str, headers: Mapping[str, str]) -> Transport:
        made.append(Transport(url, headers))
        return made[-1]

    theirs = getattr(hook, "_active_sync_factory", None)
    try:
        hook.install_transport(async_factory=make)
    except RuntimeError as error:
        raise ConfigurationError(
            "another transport is installed in the Deepgram SDK; call "
            "deepgram.transport.restore_transport() first"
        ) from error
    try:
        await resources.enter_async_context(connecting())
    finally:
        hook.restore_transport()
        if theirs is not None:
            hook.install_transport(sync_factory=theirs)
    (transport,) = made
    return transport
