"""Cycles are found without a look through everything whenever something has grown."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref

import pytest

from callscribe import collector

GROWING = """
import gc, sys
from callscribe.collector import calm_collector
if sys.argv[1] == "calm":
    calm_collector()
full = []
gc.callbacks.append(lambda phase, info: full.append(phase) if info["generation"] == 2 else None)
kept = [[[] for _ in range(10)] for _ in range(200_000)]
print(len(full) // 2)
class Node: pass
import weakref
seen = []
for _ in range(100_000):
    one = Node()
    one.own = one
    if len(seen) < 100:
        seen.append(weakref.ref(one))
print(sum(ref() is not None for ref in seen))
"""


def growing(how: str) -> tuple[int, int]:
    printed = subprocess.run(
        [sys.executable, "-c", GROWING, how], check=True, capture_output=True, text=True
    ).stdout
    full, alive = map(int, printed.split())
    return full, alive


def test_only_the_young_are_looked_through_by_itself() -> None:
    full, alive = growing("calm")
    assert full == 0
    assert alive < 5, "young cycles go"
    assert growing("as it is")[0] > 0


def test_what_was_loaded_later_is_left_out_too() -> None:
    frozen = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    collector.leave_out()
    assert gc.get_freeze_count() >= frozen + len(kept)
    gc.unfreeze()


def test_at_the_end_what_was_left_out_goes_too() -> None:
    class Node:
        own: object = None

    node = Node()
    node.own = node
    gone = weakref.ref(node)
    collector.leave_out()
    del node
    gc.collect()
    assert gone() is not None
    collector.collect_all()
    assert gone() is None


@pytest.mark.anyio
async def test_the_longer_it_takes_the_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "SOONEST", 0.01)
    waits: list[float] = []
    now = 0.0
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            enough.set()
            await asyncio.Event().wait()

    def collect() -> None:
        nonlocal now
        now += 0.2 if len(waits) == 2 else 0.000_001

    monkeypatch.setattr(asyncio, "sleep", sleep)
    collecting = asyncio.create_task(collector.collect_rarely(collect, lambda: now))
    async with asyncio.timeout(5):
        await enough.wait()
    collecting.cancel()
    assert waits == [0.01, 0.01, pytest.approx(100.0)]


LOADING = """
import gc
from callscribe.collector import undisturbed
looks = []
gc.callbacks.append(lambda phase, info: looks.append(phase))
with undisturbed():
    kept = [[[] for _ in range(10)] for _ in range(20_000)]
    during = len(looks)
print(during, gc.get_freeze_count() > 200_000, gc.isenabled())
"""


def test_loading_is_not_looked_through() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", LOADING], check=True, capture_output=True, text=True
    ).stdout
    assert printed.split() == ["0", "True", "True"]


def test_who_wants_no_looks_has_none_behind_loading_either() -> None:
    gc.disable()
    try:
        with collector.undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
