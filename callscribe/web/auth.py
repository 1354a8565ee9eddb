"""Who may come in: keys, and without keys this machine only.

With keys set, everything under ``/api`` and ``/ws`` needs one. Without, the server listens on
loopback only, and a page from elsewhere must not reach it through a browser: neither by a name
that points here (the ``Host`` header) nor by a request or socket of its own (``Origin``). Below
``/twilio`` a signature or a token stands for the key, so the server's public name is good there.
May import ``errors``, ``web.errors``, ``web.listen.replies`` and ``web.sockets``.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose

from callscribe.errors import AuthenticationError, CallscribeError
from callscribe.web.errors import error_response
from callscribe.web.listen.replies import ADDRESSES
from callscribe.web.sockets import accept, refuse

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
GUARDED = ("/api/", "/ws/")
TELEPHONE = "/twilio/"
_HOST = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::\d+)?")


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


class Guard:
    """ASGI middleware that lets in who may come in.

    ``telephone_host`` is the name under which Twilio comes, where it may come at all.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], telephone_host: str = "") -> None:
        self._app = app
        self._telephone_host = telephone_host.lower()
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request or says why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        stranger = self._stranger(scope, headers)
        if stranger is not None:
            if scope["type"] == "http" or scope["path"].startswith(ADDRESSES):
                # A socket is never accepted, and a browser shows no page what this says.
                await error_response(stranger, scope["path"])(scope, receive, send)
            else:
                await WebSocketClose()(scope, receive, send)
        elif not scope["path"].startswith(GUARDED) or self._has_key(scope, headers):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await error_response(_no_key(_given_key(scope, headers)))(scope, receive, send)
        else:  # accepted first: a browser shows its page the close code only then
            socket = WebSocket(scope, receive, send)
            await accept(socket)
            await refuse(socket, _no_key(_given_key(scope, headers)))

    def _stranger(self, scope: Scope, headers: Headers) -> CallscribeError | None:
        host = headers.get("host", "")
        if not self._keys and not is_loopback(_name(host)) and not self._rings(scope, host):
            return CallscribeError(
                "without CALLSCRIBE_API_KEYS this server answers as localhost only",
                code="forbidden",
            )
        origin = headers.get("origin")
        harmless = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if self._keys and scope["path"].startswith(ADDRESSES):
            return None  # whose key opens it may use it from any page
        if origin is not None and not harmless and origin.partition("://")[2] != host:
            return CallscribeError(
                "a page from another address may not do this; where a proxy stands before the "
                "server it has to pass the Host header on",
                code="forbidden",
            )
        return None

    def _rings(self, scope: Scope, host: str) -> bool:
        """Whether Twilio may have sent this."""
        known = self._telephone_host
        return bool(known) and scope["path"].startswith(TELEPHONE) and _name(host).lower() == known

    def _has_key(self, scope: Scope, headers: Headers) -> bool:
        if not self._keys:
            return True
        given = _given_key(scope, headers).encode()
        found = False
        for key in self._keys:  # all of them, so that the time taken tells nothing of any
            found |= hmac.compare_digest(given, key)
        return found


def _given_key(scope: Scope, headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return key.strip()
    offered = scope.get("subprotocols") or []
    return offered[1] if len(offered) > 1 and offered[0] == "token" else ""


def _name(host: str) -> str:
    """A Host header without its port and without the brackets of an IPv6 address."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]) if match else ""


def _no_key(given: str) -> AuthenticationError:
    wrong = "this is none of the keys of this server" if given else "this server wants a key"
    return AuthenticationError(
        f"{wrong}: send one of its CALLSCRIBE_API_KEYS as the header Authorization: Bearer KEY, or "
        "on a socket as the subprotocols token, KEY; commands take it from CALLSCRIBE_API_KEYS"
    )
