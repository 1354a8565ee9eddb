"""One try: a fresh sink, a fresh gateway alone on its core, and a load beside the sink."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.relay.gateways import LOAD_CORE, ROOT, Gateway, pin, running, sink
from benchmarks.relay.tally import faults

SETTLING: Final = 6.0
"""Seconds that a gateway has after its start, to load all that it wants, before it is measured."""
WARM: Final = 3.0
"""Seconds between the last leg and the window."""
SPARE: Final = 150.0
"""Seconds beside the window that a load may take to connect, and to end."""


def attempt(
    gateway: Gateway, legs: int, seconds: float, *, burst: int = 0, warm: float = WARM
) -> dict[str, Any]:
    """What was measured of a gateway with so many legs, and its ``faults``.

    ``seconds`` are the window's, which begins ``warm`` seconds after the last leg is up. Then
    ``burst`` more legs connect at once.
    """
    asked = {"--legs": legs, "--seconds": seconds, "--warm": warm, "--burst": burst}
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            measured = _measure(gateway, folder, asked, seconds + warm)
        except subprocess.TimeoutExpired as error:
            measured = {"legs": legs, "error": f"the load was not done in {error.timeout:g} s"}
        except RuntimeError as error:
            measured = {"legs": legs, "error": str(error)}
    return {"gateway": gateway.name, **measured, "faults": faults(measured)}


def _measure(
    gateway: Gateway, folder: Path, asked: Mapping[str, float], seconds: float
) -> dict[str, Any]:
    with sink() as (sink_pid, sink_url), running(gateway, sink_url, folder) as (pid, port):
        time.sleep(SETTLING)
        command = [sys.executable, "-m", "benchmarks.relay.load", str(port), "--door", gateway.door]
        command += ["--gateway-pid", str(pid or sink_pid)]
        command += ["--sink-pid", str(sink_pid)] if pid else []
        command += [text for name, value in asked.items() for text in (name, str(value))]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as load:
            pin(load.pid, LOAD_CORE)
            try:
                out, err = load.communicate(timeout=seconds + SPARE)
            except subprocess.TimeoutExpired:
                load.kill()
                raise
        if load.returncode:
            raise RuntimeError((err.decode().strip() or "the load broke off").splitlines()[-1])
        measured: dict[str, Any] = json.loads(out)
        return measured
