"""Ports for servers in processes of their own."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from typing import Final

LOWEST: Final = 20_000
HIGHEST: Final = 32_767
"""Linux gives the ports above it to whoever connects: one of those may be taken at any moment."""

_any = random.SystemRandom()


def free_port() -> int:
    """A port that nobody listens on; tests that run at the same time seldom get the same."""
    while True:
        port = _any.randint(LOWEST, HIGHEST)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
