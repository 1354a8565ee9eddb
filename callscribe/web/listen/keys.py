"""Who may use ``/v1``: the server's keys, and the short-lived tokens that a key can be turned into.

May import ``errors``.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from callscribe.errors import AuthenticationError

DEFAULT_LIFE, LONGEST_LIFE = 30, 3600
"""Seconds that a token is good for: unless said, and at most."""

MOST_TOKENS = 10_000


class Keys:
    """The keys of this server; without any, everybody on this machine may come in.

    ``monotonic`` is in seconds.
    """

    def __init__(self, keys: Sequence[str], monotonic: Callable[[], float]) -> None:
        self._keys = [key.encode() for key in keys]
        self._monotonic = monotonic
        self._tokens: dict[str, float] = {}

    def grant(self, seconds: float) -> str:
        """A token that opens what a key opens, for a while."""
        now = self._monotonic()
        self._tokens = {t: until for t, until in self._tokens.items() if until > now}
        while len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = secrets.token_urlsafe(32)
        self._tokens[token] = now + seconds
        return token

    def check(self, scope: Scope, *, allow_token: bool = True) -> None:
        """``AuthenticationError`` unless the request may come in."""
        if not self._keys:
            return
        given = given_credential(scope)
        known = False
        for key in self._keys:  # all of them, so that the time taken tells nothing of any
            known |= hmac.compare_digest(given.encode(), key)
        if known or (allow_token and self._tokens.get(given, 0.0) > self._monotonic()):
            return
        raise AuthenticationError(
            "Invalid credentials."
            if given
            else "No credentials: send the header Authorization: Token KEY."
        )


def given_credential(scope: Scope) -> str:
    """The key or token of a request: a header, or the second of a socket's subprotocols."""
    scheme, _, credential = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() in ("token", "bearer"):
        return credential.strip()
    offered = scope.get("subprotocols") or []
    return str(offered[1]) if len(offered) > 1 and chosen_subprotocol(scope) else ""


def chosen_subprotocol(scope: Scope) -> str | None:
    """The subprotocol to answer with: a client that offers some wants to hear one."""
    offered = scope.get("subprotocols") or []
    return str(offered[0]) if offered and offered[0].lower() in ("token", "bearer") else None
