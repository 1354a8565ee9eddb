"""What the machine was doing while something was measured: memory, and the CPU of others.

A number from a busy machine is no number. Everything that is measured here therefore carries
``other_cpu_pct``, the per cent of one core that processes other than ours took in that time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

QUIET = 10.0
"""Per cent of one core that others may take before a measurement counts as disturbed."""


def resident_mb() -> float:
    """Memory of this process now, MB."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Bystanders:
    """The CPU that others take, from now on: all but the process ``root`` and what it started."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._began = time.monotonic()
        self._before = busy_seconds(psutil.cpu_times()._asdict()), self._ours()

    def other_cpu_pct(self) -> float:
        """Per cent of one core since the beginning."""
        before, ours = self._before
        others = busy_seconds(psutil.cpu_times()._asdict()) - before - (self._ours() - ours)
        return round(100 * others / (time.monotonic() - self._began), 1)

    def _ours(self) -> float:
        reaped = self._root.cpu_times()
        total = reaped.children_user + reaped.children_system
        for process in (self._root, *self._root.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
        return total


def busy_seconds(times: dict[str, float]) -> float:
    """What all cores spent working, of the counters of the kernel; a guest's time is in user's."""
    idle = ("idle", "iowait", "guest", "guest_nice")
    return sum(seconds for name, seconds in times.items() if name not in idle)


def wait_until_quiet(limit: float, patience: float) -> bool:
    """Waits until the whole machine takes less than ``limit`` per cent of one core for 2 s.

    False when it did not within ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if psutil.cpu_percent(2.0) * (psutil.cpu_count() or 1) < limit:
            return True
    return False
