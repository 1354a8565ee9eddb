"""The heads of requests and answers: read here, and written for the server behind.

Bodies are never looked at. May import ``errors``, ``wire`` and its own room.
"""

from __future__ import annotations

import re
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from dataclasses import dataclass
from http.client import responses
from typing import Final
from urllib.parse import urlsplit

import h11

from callscribe.errors import ConfigurationError, ProtocolError
from callscribe.wire.deepgram_errors import new_request_id, refusal

PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}

HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection"})

_PLAIN: Final = re.compile(r"[!-~]+")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server behind."""

    host: str
    port: int
    tls: bool
    path: str
    """What stands before the path of every request; "" or without a slash at its end."""

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS["wss" if self.tls else "ws"] else f"{name}:{self.port}"


def parse_upstream(address: str) -> Upstream:
    """Reads ``wss://host``, ``http://host:8000/base``; ``ConfigurationError`` for what is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = _PLAIN.fullmatch(address) and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in PORTS or not parts.hostname or not plain:
        raise ConfigurationError(
            f"{address!r} is no address of a server; it is written like wss://api.deepgram.com or "
            "ws://127.0.0.1:8000",
            code="bad_upstream",
        )
    tls = parts.scheme in ("wss", "https")
    path = parts.path.rstrip("/")
    return Upstream(parts.hostname, port or PORTS[parts.scheme], tls, path)


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head, checked."""

    method: str
    path: str
    """Without the query, which may hold words of a call."""
    parsed: h11.Request
    upgrade: bool
    """Whether it asks for a WebSocket."""

    def encode(self, upstream: Upstream) -> bytes:
        """The head for the server behind.

        It names that server. A request has a connection to itself. A socket goes uncompressed, so
        that its messages can be told apart.
        """
        headers = [(b"Host", upstream.authority.encode())]
        for name, value in self.parsed.headers.raw_items():
            plain = name.lower()
            if plain in (b"host", b"sec-websocket-extensions"):
                continue
            if self.upgrade or plain not in HOP_BY_HOP:
                headers.append((name, value))
        if not self.upgrade:
            headers.append((b"Connection", b"close"))
        target = upstream.path.encode() + self.parsed.target
        request = h11.Request(method=self.parsed.method, target=target, headers=headers)
        return h11.Connection(h11.CLIENT).send(request) or b""


async def read_request(reader: StreamReader) -> Request | None:
    """The next request's head; None when the client left. ``ProtocolError`` for what is none."""
    head = await _read_head(reader)
    if head is None:
        return None
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(head))
    connection.receive_data(head)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise ProtocolError(f"this is no HTTP request: {error}") from None
    if not isinstance(event, h11.Request):
        raise ProtocolError("this is no HTTP request")
    upgrade = any(n == b"upgrade" and v.lower() == b"websocket" for n, v in event.headers)
    path = event.target.split(b"?")[0].decode("ascii", "replace")
    return Request(event.method.decode(), path, event, upgrade)


async def read_answer(reader: StreamReader) -> tuple[int, bytes]:
    """The status and head of an answer, unchanged; ``ProtocolError`` for what is none."""
    head = await _read_head(reader)
    found = _STATUS.match(head or b"")
    if head is None or found is None:
        raise ProtocolError("the server behind gave no HTTP answer")
    return int(found[1]), head


def encode_refusal(status: int, message: str) -> tuple[bytes, str]:
    """A whole answer as Deepgram refuses, after which the connection closes; and its id."""
    request_id = new_request_id()
    said = refusal(status, message, request_id)
    headers = [
        *said.headers.items(),
        ("content-length", str(len(said.body))),
        ("connection", "close"),
    ]
    connection = h11.Connection(h11.SERVER)
    reason = responses.get(status, "").encode()
    answer = h11.Response(status_code=status, headers=headers, reason=reason)
    head = connection.send(answer) or b""
    return head + said.body, request_id


async def _read_head(reader: StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except LimitOverrunError:
        raise ProtocolError("the head of this message is too long") from None
    except (IncompleteReadError, OSError):
        return None
