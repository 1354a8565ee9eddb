"""The load: telephone legs at the pace of speech against one gateway, in a process of its own.

    python -m benchmarks.relay.load PORT --door relay --legs 50 --seconds 10 --gateway-pid PID

Prints one JSON object. A late gateway does not slow the legs down. With ``--burst`` so many more
legs connect all at once in the end, while the others talk on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvloop

from benchmarks.relay.board import Board
from benchmarks.relay.doors import DOORS, PATIENCE, Door
from benchmarks.relay.heard import STEP
from benchmarks.relay.pacing import TICK_NS, TICKS, tick_of
from benchmarks.relay.tally import latencies, spread
from benchmarks.relay.telephone import Leg, speech
from benchmarks.relay.usage import Usage

TOGETHER = 10
"""Legs that connect at once while the load grows."""
RINGING = 64
"""Calls that may ring in the same moment; each takes a thread until it is answered."""
LATE = 0.3
"""Seconds after the window in which results of it may still come; they do not count."""


class Load:
    """Legs that speak, until they are told to stop."""

    def __init__(self, door: Door, board: Board) -> None:
        self._door = door
        self._ticks: list[list[Leg]] = [[] for _ in range(TICKS)]
        self.board = board
        self.legs: list[Leg] = []

    async def enter(self, number: int) -> None:
        """Connects a leg, which speaks from its next moment on, and waits for its first result.

        ``OSError`` for a no.
        """
        try:
            leg = await self._door.enter(number)
            self.legs.append(leg)
            self._ticks[tick_of(number)].append(leg)
            await self._door.follow(leg)
        except TimeoutError as error:
            raise TimeoutError(f"leg {number} had no result within {PATIENCE:g} s") from error

    async def grow(self, count: int) -> None:
        """Connects legs, a few at a time."""
        for first in range(0, count, TOGETHER):
            numbers = range(first, min(first + TOGETHER, count))
            await asyncio.gather(*(self.enter(number) for number in numbers))

    async def speak(self) -> None:
        """Sends every leg's frames when they are due; delays do not add up."""
        begin, tick = time.monotonic_ns(), 0
        while True:
            due = begin + tick * TICK_NS
            # Also where nothing is to be waited for: others must have their turn.
            await asyncio.sleep(max((due - time.monotonic_ns()) / 1e9, 0))
            for leg in self._ticks[tick % TICKS]:
                leg.speak(due)
            tick += 1

    def closed(self) -> list[str]:
        """The legs that the gateway has let go, or whose viewer it has, with what it said."""
        sockets = [s for leg in self.legs for s in (leg, leg.viewer) if s is not None]
        return [f"{type(s).__name__}: {s.close_reason}" for s in sockets if s.closed.is_set()]


async def measure(
    load: Load, count: int, warm: float, seconds: float, usage: Usage
) -> dict[str, Any]:
    """One window with ``count`` legs, ``warm`` seconds after they have connected."""
    idle = usage.resident_kb("gateway")
    began = time.monotonic()
    await load.grow(count)
    took = time.monotonic() - began
    await asyncio.sleep(warm)
    gc.collect()
    gc.freeze()
    usage.begin()
    before = usage.resident_kb("gateway")
    lags, begin = len(load.board.lags), time.monotonic_ns()
    await asyncio.sleep(seconds)
    end, shares = time.monotonic_ns(), usage.shares()
    resident = usage.resident_kb("gateway")
    lag = spread(lag / 1e6 for lag in load.board.lags[lags:])
    await asyncio.sleep(LATE)
    found = latencies(load.board.of(range(count)), begin, end)
    expected = count * (end - begin) / 1e6 / STEP
    return {
        "legs": count,
        "seconds": round((end - begin) / 1e9, 2),
        **shares,
        "cpu_pct_per_leg": round(shares["gateway_cpu_pct"] / count, 3),
        "idle_mb": round(idle / 1024, 1),
        "resident_mb": round(resident / 1024, 1),
        "kb_per_leg": round((resident - idle) / count),
        "grown_kb_per_leg": round((resident - before) / count, 1),
        "connected_in": round(took, 2),
        "results_ratio": round(found.pop("results") / expected, 4),
        "legs_closed": len(closed := load.closed()),
        "closed_because": closed[:3],
        "strays": load.board.strays,
        "send_lag_ms": lag,
        **found,
    }


async def burst(load: Load, count: int) -> dict[str, Any]:
    """So many more legs at once: when the last is up, and what those notice who talk already.

    A leg is up when its first result is there.
    """
    talking, before = range(len(load.legs)), len(load.closed())
    numbers = range(len(load.legs), len(load.legs) + count)
    begin = time.monotonic_ns()
    answers = await asyncio.gather(*map(load.enter, numbers), return_exceptions=True)
    end = time.monotonic_ns()
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    await asyncio.sleep(LATE)
    return {
        "burst": count,
        "up": count - len(refused),
        "all_up_s": round((end - begin) / 1e9, 2),
        "refused": len(refused),
        "refusal": repr(refused[0]) if refused else "",
        "closed": len(closed := load.closed()) - before,
        "closed_because": closed[:3],
        "talking": len(talking),
        "talking_ms": latencies(load.board.of(talking), begin, end)["total_ms"],
    }


async def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Measures what was asked for."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(RINGING))
    board = Board()
    door = DOORS[asked.door](asked.port, board, [b64encode(frame) for frame in speech()])
    load = Load(door, board)
    pids = {"gateway": asked.gateway_pid, "load": os.getpid()}
    usage = Usage(pids | ({"sink": asked.sink_pid} if asked.sink_pid else {}))
    speaking = asyncio.ensure_future(load.speak())
    measured = await measure(load, asked.legs, asked.warm, asked.seconds, usage)
    if asked.burst:
        measured["burst"] = await burst(load, asked.burst)
    for leg in load.legs:
        leg.stop()
    await asyncio.sleep(1)
    speaking.cancel()
    return measured


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--door", choices=sorted(DOORS), default="relay")
    parser.add_argument("--legs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm", type=float, default=3.0)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--gateway-pid", type=int, required=True)
    parser.add_argument("--sink-pid", type=int)
    asked = parser.parse_args()
    sys.setswitchinterval(0.0005)  # rings are made in threads: they must not delay frames
    print(json.dumps(uvloop.run(run(asked))), flush=True)


if __name__ == "__main__":
    main()
