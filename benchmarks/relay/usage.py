"""CPU and memory of the processes of a measurement, each with the processes that it started."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psutil

from benchmarks.machine import busy_seconds


class Usage:
    """What processes take, by name, from ``begin`` to ``shares``; the rest is others' CPU."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self.begin()

    def begin(self) -> None:
        """The window begins now."""
        self._began = time.monotonic()
        self._before = self._spent()

    def shares(self) -> dict[str, float]:
        """Per cent of one core since the beginning, by name; ``other`` is the machine's rest."""
        seconds = time.monotonic() - self._began
        spent = {name: now - self._before[name] for name, now in self._spent().items()}
        spent["other"] = spent.pop("machine") - sum(spent.values())
        return {f"{name}_cpu_pct": round(100 * cpu / seconds, 1) for name, cpu in spent.items()}

    def resident_kb(self, name: str) -> float:
        """Memory of a process and of those it started, kB."""
        tree = (self._processes[name], *self._processes[name].children(recursive=True))
        return float(sum(process.memory_info().rss for process in tree)) / 1024

    def _spent(self) -> dict[str, float]:
        spent = {name: _cpu(process) for name, process in self._processes.items()}
        # The machine is read last: what passes in between is others' rather than less than none.
        return spent | {"machine": busy_seconds(psutil.cpu_times()._asdict())}


def _cpu(process: psutil.Process) -> float:
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total
