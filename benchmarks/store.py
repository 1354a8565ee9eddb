"""The store: finals kept a second, and how long it takes until they are on disk.

    python -m benchmarks.store [--sessions 1,10,100,500] [--seconds 5] [--rounds 3] [--json FILE]

Sessions say finals as fast as they are kept: each says the next one when its last one is stored.
One writer takes what waits, 500 events at most, as the server does. SQLite writes a file,
PostgreSQL is a server started for this, both in the temporary folder and with every disk write
waited for; ``--postgres`` names a server of your own, whose database is left as it was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.live_metrics import percentile
from benchmarks.machine import QUIET, Bystanders
from callscribe.events import Event, FinalResult, SessionStarted
from callscribe.store import create_store
from callscribe.store.base import Store
from callscribe.transcript import Word
from tests.postgres import programs, running

MOST = 500
"""Events in one batch at most."""
TEXT = "Bonjour, je vous appelle parce que la chaudière ne s'allume plus depuis hier soir."
WORDS = tuple(
    Word(word, 0.3 * number, 0.3 * number + 0.25, 0.9123)
    for number, word in enumerate(TEXT.split())
)


@dataclass
class Load:
    """Sessions that speak, one writer, and how long things took (s)."""

    store: Store
    queue: deque[tuple[Event, float, asyncio.Event]] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    batches: list[int] = field(default_factory=list)
    appends: list[float] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)

    async def speak(self, session_id: str) -> None:
        """Says finals until it is over."""
        seq, stored = 1, asyncio.Event()
        while not self.over:
            seq += 1
            stored.clear()
            self.queue.append((final(session_id, seq), time.perf_counter(), stored))
            self.news.set()
            await stored.wait()

    async def write(self) -> None:
        """Keeps what waits until nobody speaks any more."""
        while True:
            await self.news.wait()
            self.news.clear()
            while self.queue:
                batch = [self.queue.popleft() for _ in range(min(len(self.queue), MOST))]
                began = time.perf_counter()
                await self.store.append([event for event, _, _ in batch])
                now = time.perf_counter()
                self.batches.append(len(batch))
                self.appends.append(now - began)
                for _, said, stored in batch:
                    self.finals.append(now - said)
                    stored.set()


def final(session_id: str, seq: int) -> FinalResult:
    """An utterance of a usual length."""
    return FinalResult(
        session_id=session_id,
        seq=seq,
        at=time.time(),
        speaker="agent",
        utterance_id=f"agent-{seq}",
        text=TEXT,
        start=5.0 * seq,
        end=5.0 * seq + 4.5,
        words=WORDS,
        confidence=0.9,
        language="fr",
    )


async def measure(address: str, sessions: int, seconds: float) -> dict[str, Any]:
    """What one database does for so many sessions."""
    store = await create_store(address)
    ids = [f"bench-{uuid.uuid4().hex}" for _ in range(sessions)]
    try:
        await store.append([SessionStarted(session_id=i, seq=1, at=time.time()) for i in ids])
        load = Load(store)
        writer = asyncio.create_task(load.write())
        cpu, began = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for session_id in ids:
                tasks.create_task(load.speak(session_id))
            await asyncio.sleep(seconds)
            load.over = True
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        writer.cancel()
        return {
            "finals_per_s": len(load.finals) / took,
            "batch": statistics.mean(load.batches),
            "append_p50_ms": 1000 * percentile(load.appends, 0.5),
            "append_p99_ms": 1000 * percentile(load.appends, 0.99),
            "stored_p50_ms": 1000 * percentile(load.finals, 0.5),
            "stored_p99_ms": 1000 * percentile(load.finals, 0.99),
            "cpu_pct": 100 * cpu / took,
        }
    finally:
        for session_id in ids:
            await store.delete(session_id)
        await store.close()


def disk_wait_ms(folder: Path) -> float:
    """What the disk itself takes to keep 4 KB: the middle of a hundred tries."""
    waits = []
    with (folder / "probe").open("wb") as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            waits.append(1000 * (time.perf_counter() - began))
    return statistics.median(waits)


@contextmanager
def databases(folder: Path, own: str, console: Console) -> Iterator[dict[str, str]]:
    """The addresses by the names of their kinds."""
    found = {"SQLite": str(folder / "calls.db")}
    with ExitStack() as stack:
        if own:
            found["PostgreSQL"] = own
        elif programs():
            found["PostgreSQL"] = stack.enter_context(running()).empty()
        else:
            console.print("PostgreSQL is not installed here: only SQLite is measured.")
        yield found


def show(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The middle of the rounds for each database and number of sessions."""
    table = []
    for name, sessions in dict.fromkeys((r["database"], r["sessions"]) for r in rows):
        same = [r for r in rows if (r["database"], r["sessions"]) == (name, sessions)]
        middle = {
            key: statistics.median(r[key] for r in same)
            for key in same[0]
            if key not in ("database",)
        }
        table.append(
            [
                name,
                str(sessions),
                f"{middle['finals_per_s']:.0f}",
                f"{middle['batch']:.0f}",
                f"{middle['append_p50_ms']:.1f} / {middle['append_p99_ms']:.1f}",
                f"{middle['stored_p50_ms']:.1f} / {middle['stored_p99_ms']:.1f}",
                f"{middle['cpu_pct']:.0f}",
            ]
        )
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", default="1,10,100,500", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--postgres", default="", help="address of a PostgreSQL server of yours")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    asked = parser.parse_args()
    console, rows, others = Console(), [], [0.0]
    with tempfile.TemporaryDirectory() as made:
        disk = disk_wait_ms(Path(made))
        with databases(Path(made), asked.postgres, console) as found:
            counts = [int(n) for n in asked.sessions.split(",")]
            turns = [(n, name) for _ in range(asked.rounds) for n in counts for name in found]
            for sessions, name in track(turns, "Store", console=console):
                bystanders = Bystanders(os.getpid())
                figures = asyncio.run(measure(found[name], sessions, asked.seconds))
                rows.append({"database": name, "sessions": sessions, **figures})
                if name == "SQLite":  # a server's own CPU would count as that of others
                    others.append(bystanders.other_cpu_pct())
    heads = ["database", "sessions", "finals/s", "a batch", "append p50/p99 ms"]
    heads += ["said to stored p50/p99 ms", "CPU %"]
    shown = Table(title="Finals on disk", title_justify="left")
    for index, head in enumerate(heads):
        shown.add_column(head, justify="left" if index == 0 else "right")
    table = show(rows)
    for cells in table:
        shown.add_row(*cells)
    console.print(shown)
    console.print(f"The disk keeps 4 KB in {disk:.2f} ms. CPU of others: {max(others):.0f} %")
    if max(others) > QUIET:
        console.print("[bold]The machine was not quiet:[/] measure again before you rely on this.")
    if asked.json:
        told = {"store": [heads, *table], "rounds": rows, "disk_ms": disk, "others": max(others)}
        asked.json.write_text(json.dumps(told, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
