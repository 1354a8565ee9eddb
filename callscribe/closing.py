"""How one WebSocket's connection ended, and who said so first.

Pure, but for what it reads of a transport. Imports nothing of ours. Protocol: RFC 6455, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from picows import WSCloseCode, WSProtocolError, WSTransport

NO_CODE: Final = 1005
LOST: Final = 1006

_NEVER_SENT: Final = (0, LOST)
"""Close codes that picows lets pass though no frame may hold them."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How the connection ended: the code and reason that came, or that went out first."""

    code: int
    reason: str = ""
    ours: bool = False
    """They went out first: what came back, if anything, is but their echo."""


def code_of(said: bytes) -> int:
    """The code in what a close frame says, ``NO_CODE`` where that is nothing.

    ``WSProtocolError`` for one that no frame may hold.
    """
    code = int.from_bytes(said[:2], "big") if said else NO_CODE
    if code in _NEVER_SENT or code >= 5000:
        raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, f"{code} is no code to close with")
    return code


def said_first(transport: WSTransport) -> Closed | None:
    """The close that this end has sent before any came, for what came could not be read."""
    ending = transport.close_handshake
    if ending is None or ending.sent is None or ending.recv_then_sent:
        return None
    code: Any = ending.sent.code  # a number, whatever its stub says
    return Closed(int(code), ending.sent.reason or "", ours=True)
