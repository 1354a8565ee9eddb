"""Threads that allocate at once share two arenas, where glibc by itself opens one for each."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import time

import pytest

from callscribe import allocator

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc's"
)
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))
}

ARENAS = """
import ctypes, sys, tempfile, threading
from callscribe.allocator import bound_arenas
if sys.argv[1] == "bounded":
    bound_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
all_here = threading.Barrier(6)
def allocate():
    libc.malloc(1000)
    all_here.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
[t.start() for t in threads], [t.join() for t in threads]
with tempfile.TemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fdopen(file.fileno(), b"w"))
    libc.malloc_info(0, stream)
    libc.fflush(stream)
    file.seek(0)
    print(file.read().count(b"<heap nr"))
"""


def run(*words: str) -> str:
    command = [sys.executable, "-c", *words]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=ENVIRONMENT
    ).stdout


def arenas(how: str) -> int:
    return int(run(ARENAS, how))


def test_threads_share_two_arenas() -> None:
    assert arenas("as it is") > 2
    assert arenas("bounded") <= 2


GIVEN_BACK = """
import sys
import numpy as np
from callscribe.allocator import bound_arenas, give_back
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20
bound_arenas(models=sys.argv[1] == "model")
empty = resident()
blocks = [np.ones(1 << 17) for _ in range(100)]  # 1 MB each
kept = blocks[-1]
del blocks
before = resident()
give_back()
print(before - empty, before - resident())
"""


def test_what_was_freed_beside_a_model_is_given_back() -> None:
    kept, given_back = map(int, run(GIVEN_BACK, "model").split())
    assert kept > 60, "a model will have it again at once"
    assert given_back > 60


def test_large_buffers_are_not_kept_without_a_model() -> None:
    kept, _ = map(int, run(GIVEN_BACK, "none").split())
    assert kept < 20


@pytest.mark.anyio
async def test_it_is_given_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    monkeypatch.setattr(allocator, "give_back", lambda: times.append(time.monotonic()))
    keeping = asyncio.create_task(allocator.keep_small(0.01))
    async with asyncio.timeout(10):
        while len(times) < 3:
            await asyncio.sleep(0.01)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
