"""One-time tokens: what our own TwiML hands out opens the media socket once, for one call.

Twilio cannot send headers of ours on a socket, so the token comes as a parameter of ``start``. May
import ``errors``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callscribe.errors import AuthenticationError

LIFE: Final = 60.0
"""Seconds in which the socket has to come."""

MOST: Final = 10_000
"""Tokens that wait at once; the oldest make room."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens. ``again``: it takes over what an earlier stream of the call held."""

    call_sid: str
    again: bool
    until: float


class Tokens:
    """The tokens that have not been used; ``monotonic`` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting: dict[str, Grant] = {}

    def grant(self, call_sid: str, *, again: bool = False) -> str:
        """A new token for a call."""
        now = self._monotonic()
        for token, grant in list(self._waiting.items()):  # the oldest come first
            if grant.until > now and len(self._waiting) < MOST:
                break
            del self._waiting[token]
        token = secrets.token_urlsafe(32)
        self._waiting[token] = Grant(call_sid, again, now + LIFE)
        return token

    def redeem(self, token: str, call_sid: str) -> Grant:
        """Uses a token up; ``AuthenticationError`` where it does not open this call."""
        grant = self._waiting.pop(token, None)
        if grant is None:
            raise AuthenticationError("this stream has no token of ours, or one that is used up")
        if grant.call_sid != call_sid:
            raise AuthenticationError("the token of this stream is that of another call")
        if grant.until <= self._monotonic():
            raise AuthenticationError(f"the token of this stream was good for {LIFE:g} s")
        return grant
