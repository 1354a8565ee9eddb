"""The request that asks for a socket: what an application is told of it, or why it is no such.

Pure: bytes in, values out. Imports nothing of ours. Protocol: RFC 6455, section 4.2; the scope is
that of the ASGI specification, version 2.4 of its WebSocket part.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VERSION: Final = b"13"

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer instead of a socket."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request for a socket; ``headers`` in lower case, in their order."""

    path: str
    query: str
    headers: Headers

    @property
    def key(self) -> bytes:
        """What the answer has to hash; 16 bytes in base64."""
        return next(value for name, value in self.headers if name == b"sec-websocket-key")

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers, in its order."""
        offered = [value for name, value in self.headers if name == b"sec-websocket-protocol"]
        parts = b",".join(offered).decode("latin-1").split(",")
        return [part.strip() for part in parts if part.strip()]


def read_upgrade(raw: bytes) -> Upgrade | Refusal:
    """Reads a whole request head, which an HTTP parser has accepted already."""
    first, *lines = raw.split(b"\r\n\r\n")[0].split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    refusal = _refusal(method, headers)
    if refusal is not None:
        return refusal
    path, _, query = target.decode("latin-1").partition("?")
    return Upgrade(path, query, headers)


def _refusal(method: bytes, headers: Headers) -> Refusal | None:
    if method != b"GET":
        return Refusal(405, "a WebSocket is asked for with GET", ((b"allow", b"GET"),))
    named: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        named.setdefault(name, []).append(value)
    connection = b",".join(named.get(b"connection", ())).lower()
    if b"upgrade" not in [part.strip() for part in connection.split(b",")]:
        return Refusal(400, "Connection: Upgrade is missing")
    if named.get(b"sec-websocket-version") != [VERSION]:
        supported = ((b"sec-websocket-version", VERSION), (b"upgrade", b"websocket"))
        return Refusal(426, "Sec-WebSocket-Version has to be 13", supported)
    keys = named.get(b"sec-websocket-key", [])
    if len(keys) != 1 or not _is_key(keys[0]):
        return Refusal(400, "Sec-WebSocket-Key has to be 16 bytes in base64")
    return None


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
