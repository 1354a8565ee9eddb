"""Many calls for a long time, faults throughout: does anything grow, stay behind or go missing.

    python -m benchmarks.soak [--legs 50] [--minutes 30] [--call 120] [--seed 1] [--json FILE]

Calls of two legs follow each other through Callscribe at the pace of speech. Our own server that
hears tones is in Deepgram's place; it and the chaos proxy before it are processes of their own, so
that memory, tasks and sockets are those of Callscribe. What stands in is unsure of what it hears,
and hears it again. Each tone has to be written down once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.calls import SPEAKERS, Leg
from benchmarks.chaos_play import Fixed, HeardLeg, gather
from benchmarks.counting import CountingRelay
from benchmarks.machine import QUIET, Bystanders, resident_mb
from benchmarks.upstream import upstream
from callscribe import logs
from callscribe.allocator import bound_arenas, keep_small
from callscribe.bus import create_bus
from callscribe.engines.deepgram import DeepgramEngine
from callscribe.errors import CallscribeError
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings, TranscriptionConfig
from tests.engines_for_tests import Clips, tones

RATE = 8_000
PERIOD = 0.8
LENGTH = 0.3
FRAME = 0.1
NEAR = 0.5
"""Seconds by which a word may be away from its tone."""
FREQUENCIES = range(400, 2800, 60)
FAULTS = (
    "drop~40", "garble~20", "stall:down~150", "half-open~150", "close:1011~120",
    "refuse:503/10%", "stall:open+3/5%", "delay:10-60/50%",
)  # fmt: skip
STEEP = 10.0
"""MB an hour that memory may grow by."""


@dataclass
class Tally:
    """What became of all the tones, and what it took."""

    legs: int = 0
    complete: int = 0
    """Legs in which each tone is written down once."""
    tones: int = 0
    lost: int = 0
    in_gaps: int = 0
    doubled: int = 0
    gaps: int = 0
    gap_seconds: float = 0.0
    closed: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the beginning, MB."""
    incomplete: list[dict[str, object]] = field(default_factory=list)

    def add(self, heard: HeardLeg, first: int, spoken: int) -> None:
        """Counts a leg of ``spoken`` tones."""
        lost, doubled, said = [], [], 0
        for index in range(spoken):
            at = index * PERIOD
            text = f"f{FREQUENCIES[frequency(first, index)]}"
            times = sum(w.text == text and abs(w.start - at) < NEAR for w in heard.words)
            if not times and any(s < at + LENGTH and e > at for s, e in heard.gaps):
                said += 1
            elif not times:
                lost.append(round(at, 1))
            elif times > 1:
                doubled.append(round(at, 1))
        self.legs += 1
        self.tones += spoken
        self.lost += len(lost)
        self.in_gaps += said
        self.doubled += len(doubled)
        self.gaps += len(heard.gaps)
        self.gap_seconds += sum(end - start for start, end in heard.gaps)
        self.closed += heard.closed_at is not None
        if lost or doubled or said:
            told = [text for _, text in heard.notices]
            self.incomplete.append(
                {"lost": lost, "doubled": doubled, "gaps": heard.gaps, "notices": told}
            )
        else:
            self.complete += 1


def frequency(first: int, index: int) -> int:
    """Which frequency a leg's tone has; the same one comes again after half a minute."""
    return (first + 7 * index) % len(FREQUENCIES)


def parts() -> list[bytes]:
    """Each frequency's tone with the silence behind it."""
    lead = int(0.1 * RATE) * 2
    return [tones(f, rate=RATE, gap=PERIOD - LENGTH, length=LENGTH)[lead:] for f in FREQUENCIES]


class Crowd:
    """The calls."""

    def __init__(self, service: EnhancedTranscriptionService, tally: Tally, call: float) -> None:
        self._service, self._tally, self._call = service, tally, call
        self._parts = parts()
        self._numbers = count()

    async def line(self, until: float, head_start: float) -> None:
        """One call after the other, as long as another one can end in time."""
        clock = asyncio.get_running_loop().time
        seconds = self._call * (0.5 + head_start / 2)  # not all of them begin and end at once
        while clock() + seconds <= until:
            await self._one(seconds)
            seconds = self._call
        if (rest := until - clock()) > 5:
            await self._one(rest)

    async def _one(self, seconds: float) -> None:
        service, session = self._service, await self._service.initialize_session()
        spoken = int(seconds / PERIOD)
        empty = np.zeros(0, np.int16)
        heard = [HeardLeg(Leg("fr", speaker, RATE, empty, [])) for speaker in SPEAKERS]
        firsts = [next(self._numbers) for _ in heard]
        async with asyncio.TaskGroup() as tasks:
            for leg, first in zip(heard, firsts, strict=True):
                tasks.create_task(self._speak(session, leg, first, spoken))
        await service.end_session(session)
        events = [(0.0, event) for event in service.history(session)]
        for leg, first in zip(heard, firsts, strict=True):
            gather(leg, events, 0.0)
            self._tally.add(leg, first, spoken)
        await service.delete_session(session)

    async def _speak(self, session: str, heard: HeardLeg, first: int, spoken: int) -> None:
        clock = asyncio.get_running_loop().time
        try:
            way = await self._service.open_leg(session, heard.leg.speaker, sample_rate=RATE)
            began, size = clock(), int(FRAME * RATE) * 2
            for index in range(spoken):
                part = self._parts[frequency(first, index)]
                for at in range(0, len(part), size):
                    due = began + index * PERIOD + (at + size) / 2 / RATE
                    await asyncio.sleep(max(due - clock(), 0))
                    await way.send(part[at : at + size])
        except CallscribeError as error:
            heard.closed_at = 0.0
            heard.notices.append((0.0, f"closed: {error.message}"))


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """MB an hour by least squares, and twice its standard error."""
    if len(points) < 3:
        return 0.0, float("inf")
    at, mb = np.array(points).T
    (rate, _), covariance = np.polyfit(at / 3600, mb, 1, cov=True)
    return float(rate), 2 * float(np.sqrt(covariance[0, 0]))


@contextmanager
def chaos(port: int, seed: int) -> Iterator[str]:
    """The proxy in a process of its own; its address."""
    mine = CountingRelay.free_port()
    command = [sys.executable, "-m", "callscribe", "chaos", "--upstream", f"ws://127.0.0.1:{port}"]
    command += ["--port", str(mine), "--seed", str(seed)]
    for fault in FAULTS:
        command += ["--fault", fault]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"ws://127.0.0.1:{mine}"
        finally:
            process.terminate()


async def held() -> tuple[int, int]:
    """Tasks beside this one, and sockets of this process."""
    gc.collect()
    return len(asyncio.all_tasks()) - 1, len(psutil.Process().net_connections("tcp"))


async def soak(asked: argparse.Namespace, address: str, tally: Tally) -> tuple[int, int]:
    """Has all calls made; the tasks and sockets that are left then."""
    before = await held()
    config = TranscriptionConfig.model_validate(
        {"transcription_fallback": ("whisper",), "unsure_below": {"*": 0.95}}
    )
    bus, local = create_bus(), Clips(max_legs=2 * asked.legs)
    local.keeps_audio = False
    deepgram = DeepgramEngine("a-key-of-no-account", base_url=address)
    engines = {"deepgram": deepgram, "whisper": local}
    service = EnhancedTranscriptionService(
        Settings(), engines=engines, bus=bus, configuration=Fixed(config)
    )
    clock = asyncio.get_running_loop().time
    began, seconds = clock(), asked.minutes * 60
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    async with service:
        crowd, lines = Crowd(service, tally, asked.call), asked.legs // 2
        with Progress(*columns) as progress:
            bar = progress.add_task(f"{asked.legs} legs", total=seconds)
            async with asyncio.TaskGroup() as tasks:
                small = tasks.create_task(keep_small())  # as a server does
                calls = [
                    tasks.create_task(crowd.line(began + seconds, index / lines))
                    for index in range(lines)
                ]
                while not all(call.done() for call in calls):
                    local.connections.clear()  # it keeps all for tests to look at
                    tally.memory.append((clock() - began, resident_mb()))
                    progress.update(bar, completed=clock() - began)
                    await asyncio.sleep(1)
                small.cancel()
    await deepgram.close()
    await local.close()
    await bus.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(15):
            while await held() > before:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
    tasks_left, sockets_left = await held()
    return tasks_left - before[0], sockets_left - before[1]


def show(
    console: Console, tally: Tally, left: tuple[int, int], growth: tuple[float, float]
) -> None:
    """The table, with the goals beside."""
    table = Table(title="Soak", title_justify="left")
    for name in ("what", "goal", "reached", ""):
        table.add_column(name, justify="left" if name in ("what", "") else "right")
    rate, error = growth
    lines: list[tuple[str, float, float, str]] = [
        ("tones lost without a word", 0, tally.lost, ""),
        ("tones in gaps", 0, tally.in_gaps, ""),
        ("tones doubled", 0, tally.doubled, ""),
        ("legs closed early", 0, tally.closed, ""),
        ("legs that are not complete", 0, tally.legs - tally.complete, f" of {tally.legs}"),
        ("memory grows, MB an hour", STEEP, rate, f" ± {error:.0f}"),
        ("tasks left", 0, left[0], ""),
        ("sockets left", 0, left[1], ""),
    ]
    for what, goal, reached, unit in lines:
        mark = "✓" if reached <= goal else "✗"
        table.add_row(what, f"≤ {goal:g}" if goal else "0", f"{reached:.4g}{unit}", mark)
    console.print(table)
    console.print(
        f"{tally.tones} tones; {tally.gaps} gaps, {tally.gap_seconds:.1f} s; "
        f"{tally.memory[0][1]:.0f} MB at the beginning, {tally.memory[-1][1]:.0f} MB at the end"
    )


def main() -> None:
    """Soaks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--legs", type=int, default=50, help="legs at once, two in a call")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--call", type=float, default=120.0, help="seconds that a call lasts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write what was measured to this file too")
    asked = parser.parse_args()
    logs.configure("critical")
    bound_arenas()  # as a server does
    console, tally, others = Console(), Tally(), Bystanders(os.getpid())
    with (
        upstream("tests.killable", "--tones", legs=3 * asked.legs) as server,
        chaos(server.port, asked.seed) as address,
    ):
        left = asyncio.run(soak(asked, address, tally))
    warm = min(2 * asked.call, asked.minutes * 60 / 2)
    growth = slope([(at, mb) for at, mb in tally.memory if warm <= at < asked.minutes * 60])
    show(console, tally, left, growth)
    busy = others.other_cpu_pct()
    console.print(f"Load {os.getloadavg()[0]:.1f}; CPU of others: {busy:.0f} % of a core")
    if busy > QUIET:
        console.print("[bold]The machine was not quiet.[/]")
    if asked.json:
        asked.json.write_text(json.dumps({**vars(tally), "left": left, "slope": growth}, indent=1))


if __name__ == "__main__":
    main()
