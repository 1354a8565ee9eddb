"""How long Callscribe takes from nothing to its page, where no model is to be loaded."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.relay.gateways import CALLSCRIBE, running


def start_seconds(times: int) -> list[float]:
    """Seconds until ``/config`` answers, each time with a data folder that is new."""
    paged = replace(CALLSCRIBE, ready="/config")
    found = []
    for _ in range(times):
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            began = time.monotonic()
            with running(paged, "ws://127.0.0.1:9", Path(folder)):
                found.append(round(time.monotonic() - began, 2))
    return found
