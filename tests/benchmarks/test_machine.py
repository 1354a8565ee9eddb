"""What the machine was doing."""

from __future__ import annotations

import os
import time

from benchmarks.machine import Bystanders, busy_seconds, resident_mb, wait_until_quiet


def test_only_work_counts_as_work() -> None:
    assert busy_seconds({"user": 2, "system": 1, "idle": 9, "iowait": 3, "guest": 2}) == 3


def test_memory_of_this_process() -> None:
    assert 10 < resident_mb() < 10_000


def test_others_are_counted_without_us() -> None:
    others = Bystanders(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.6:  # all of one core for a while
        pass
    assert others.other_cpu_pct() < 100 * (os.cpu_count() or 1) - 40


def test_waiting_ends() -> None:
    assert wait_until_quiet(limit=-1.0, patience=0.0) is False
