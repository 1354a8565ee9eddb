"""What a process holds, counted exactly: nothing more may be there after the work than before."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psutil

PATIENCE = 10.0
"""Seconds that what was let go may take to be gone."""


@dataclass(frozen=True)
class Held:
    """Tasks of some event loops, and this process's threads, descriptors and sockets."""

    tasks: tuple[tuple[int, str], ...]
    threads: tuple[str, ...]
    native_threads: int
    descriptors: int
    sockets: tuple[tuple[str, int], ...]

    @classmethod
    def now(cls, loops: Iterable[asyncio.AbstractEventLoop]) -> Held:
        tasks = [(id(task), repr(task)) for loop in loops for task in asyncio.all_tasks(loop)]
        process = psutil.Process()
        sockets = [(s.status, s.fd) for s in process.net_connections("all")]
        return cls(
            tuple(sorted((key, text.split(" ")[1]) for key, text in tasks)),
            tuple(sorted(thread.name for thread in threading.enumerate())),
            process.num_threads(),
            process.num_fds(),
            tuple(sorted(sockets)),
        )

    @classmethod
    async def settled(cls, *loops: asyncio.AbstractEventLoop) -> Held:
        """What is held once nothing comes or goes for a second."""
        gc.collect()
        held, since = cls.now(loops), 0
        async with asyncio.timeout(PATIENCE):
            while since < 10:
                await asyncio.sleep(0.1)
                now = cls.now(loops)
                since = since + 1 if now == held else 0
                held = now
        return held

    async def again(self, *loops: asyncio.AbstractEventLoop) -> Held:
        """Waits, within bounds, until just this is held; what is held in the end."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (now := Held.now(loops)) != self:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        return now


def one_worker(loop: asyncio.AbstractEventLoop) -> None:
    """Gives a loop a pool of one thread: larger ones fill up by chance, and blur the count."""
    loop.set_default_executor(ThreadPoolExecutor(1))


def alive(kind: type[Any]) -> int:
    """How many objects of a class are still reachable."""
    gc.collect()
    return sum(isinstance(thing, kind) for thing in gc.get_objects())
