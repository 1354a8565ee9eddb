"""The socket under the official SDK, on picows.

The SDK decides address, options and authentication. This carries bytes, and knows what the SDK does
not tell: why an upgrade was refused, why a socket was closed.

May import ``engines.deepgram.faults``, ``closing``, ``errors``, ``frames`` and
``reading``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

from deepgram import transport as hook
from picows import WSError, WSInvalidStatusError, WSTransport, ws_connect
from python_socks import ProxyError
from websockets.exceptions import InvalidURI
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from callscribe.closing import Closed
from callscribe.engines.deepgram import faults
from callscribe.errors import ConfigurationError, UpstreamError
from callscribe.frames import Frames
from callscribe.reading import Take, read_frames

OPEN_DEADLINE: Final = 10.0
PING_EVERY: Final = 5.0
"""Seconds in which nothing came after which the server is pinged."""
PING_DEADLINE: Final = 5.0
"""Seconds without an answer to a ping after which a socket is half-open, and given up."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds that a server may take to close a socket that is given up."""
MAX_MESSAGE: Final = 4 << 20
READ_BUFFER: Final = 4096
"""Bytes that are read at once at first; results have one or two thousand."""

# What picows says of a connection is said by us, with Deepgram's name for it.
_silent = logging.getLogger(f"{__name__}.picows")
_silent.setLevel(logging.CRITICAL + 1)


class Transport:
    """One socket, opened by ``open``. The methods are those that the SDK asks of a transport."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)
        self._frames: Frames | None = None
        self._gone: asyncio.Task[None] | None = None
        """Waits until the connection is no more."""
        self.request_id = ""
        """Deepgram's name for the connection."""

    async def open(self) -> None:
        """Connects; ``UpstreamError`` says why not."""
        frames = Frames(MAX_MESSAGE, PING_EVERY, PING_DEADLINE)
        proxy: str | None = None
        try:
            proxy = get_proxy(parse_uri(self._url))
            async with asyncio.timeout(OPEN_DEADLINE):
                transport, _ = await ws_connect(
                    lambda: frames,
                    self._url,
                    extra_headers=self._headers,
                    proxy=proxy,
                    websocket_handshake_timeout=None,
                    logger_name=_silent,
                    max_frame_size=MAX_MESSAGE,
                    read_buffer_init_size=READ_BUFFER,
                    enable_auto_pong=False,  # Frames do
                )
        except WSInvalidStatusError as error:
            answer = error.response
            assert answer is not None  # noqa: S101 - it is what the error is about
            # A header that comes twice is no reason to fail: the last one counts.
            headers = {name.lower(): value for name, value in answer.headers.items()}
            raise faults.refused(answer.status.value, headers, error.raw_body or b"") from None
        except ProxyError as error:
            raise faults.no_proxy(_without_address(error, proxy)) from None
        except (OSError, TimeoutError, ValueError, WSError, InvalidURI) as error:
            if proxy is not None and not isinstance(error, TimeoutError):
                raise faults.no_proxy(_without_address(error, proxy)) from None
            raise faults.unreachable(error) from None
        self._frames = frames
        self._gone = asyncio.create_task(_gone(transport))
        self.request_id = transport.response.headers.get("dg-request-id", "")

    @property
    def take(self) -> Callable[[bytes], bool]:
        """Sends a frame in this turn of the event loop; false, and nothing, where it would wait."""
        return self._opened().take

    async def send(self, data: str | bytes) -> None:
        """Sends a frame; ``UpstreamError`` when the socket is closed."""
        frames = self._opened()
        if frames.closed is not None:
            raise self.fault(frames.closed)
        frames.send(data)
        if frames.is_congested:
            await frames.drained()

    async def recv(self) -> str | bytes:
        """The next frame; ``UpstreamError`` when the socket is closed."""
        message = await self._opened().receive()
        if isinstance(message, Closed):
            raise self.fault(message)
        return message

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The frames until the server closes with 1000; ``UpstreamError`` for another close."""
        frames = self._opened()
        while True:
            message = await frames.receive()
            if isinstance(message, Closed):
                if message.ours or message.code != 1000:
                    raise self.fault(message)
                return
            yield message

    async def each(self, take: Take) -> None:
        """Gives each frame to ``take`` as it comes, until the server closes with 1000.

        ``UpstreamError`` for another close; what ``take`` raises ends it too.
        """
        end = await read_frames(self._opened(), take)
        if end is not None and (end.ours or end.code != 1000):
            raise self.fault(end)

    async def close(self) -> None:
        """Closes the socket. Idempotent."""
        if self._frames is None or self._gone is None:
            return
        self._frames.close(1000)
        await asyncio.wait([self._gone], timeout=CLOSE_DEADLINE)
        await self.abort()

    async def abort(self) -> None:
        """Frees the socket at once, without a word to the server. Idempotent."""
        if self._frames is not None and self._gone is not None:
            self._frames.abort()
            await asyncio.shield(self._gone)

    def fault(self, end: Closed) -> UpstreamError:
        """Why the socket is closed."""
        if end.ours:
            return faults.hung_up(end.code, end.reason, self.request_id)
        return faults.closed(end.code, end.reason, self.request_id)

    def _opened(self) -> Frames:
        if self._frames is None:
            raise RuntimeError("the transport has not been opened")
        return self._frames


async def _gone(transport: WSTransport) -> None:
    """Waits for the end. Why it came ``Frames`` know; here it would be an error that nobody saw."""
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


def _without_address(error: Exception, proxy: str | None) -> str:
    """What is wrong with a proxy; its address may hold a password."""
    said = str(error) or type(error).__name__
    return type(error).__name__ if proxy and _is_in(proxy, said) else said


def _is_in(proxy: str, said: str) -> bool:
    parts = urlsplit(proxy)
    secrets = (proxy, parts.netloc, parts.username, parts.password)
    return any(secret and secret in said for secret in secrets)


def load_sdk() -> None:
    """Loads the SDK's clients, all those that its hook for transports wants: 290 modules.

    To be called in a thread: the first ``make_transport`` would stop the event loop for as long.
    """
    for name in ("deepgram.listen.client", *getattr(hook, "_TARGET_MODULES", ())):
        with contextlib.suppress(ImportError):  # the SDK does without those it lacks, too
            importlib.import_module(name)


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
