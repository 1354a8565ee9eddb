"""``callscribe chaos``: a proxy that makes go wrong, on a schedule, what goes wrong on networks.

    async with ChaosProxy("ws://127.0.0.1:8000", ["drop@20", "garble~10"], seed=7) as proxy:
        ...  # a client at proxy.ws; what happened is in proxy.happenings

May import ``errors`` and ``wire``, so that it can be used beside any client.
"""

from __future__ import annotations

from callscribe.chaos.faults import KINDS, Fault, parse_fault
from callscribe.chaos.proxy import ChaosProxy
from callscribe.chaos.relay import Happening

__all__ = ["KINDS", "ChaosProxy", "Fault", "Happening", "parse_fault"]
