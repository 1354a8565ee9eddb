"""The store: finals stored and told a second, and how long it takes until a viewer has them.

    python -m benchmarks.store [--sessions 1,10,100,500] [--seconds 5] [--rounds 3] [--json FILE]

Sessions say finals as fast as they are told: each says the next one when a viewer of its own has
the last one. Between them stand the server's own ledger, which has what waits written together, and
its bus. SQLite writes a file, PostgreSQL is a server started for this, both in the temporary folder
and with every disk write waited for; ``--postgres`` names a server of your own, whose database is
left as it was found.
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.machine import QUIET, Bystanders
from callscribe.bus.local import LocalBus
from callscribe.demo.measure import percentile
from callscribe.events import Event, FinalResult, SessionStarted
from callscribe.ledger import Ledger
from callscribe.store import FileJournal, create_store
from callscribe.store.base import Store
from callscribe.transcript import Word
from tests.postgres import programs, running

TEXT = "Bonjour, je vous appelle parce que la chaudière ne s'allume plus depuis hier soir."
WORDS = tuple(
    Word(word, 0.3 * number, 0.3 * number + 0.25, 0.9123)
    for number, word in enumerate(TEXT.split())
)


@dataclass
class Timed:
    """A store whose batches are timed (s)."""

    store: Store
    batches: list[int] = field(default_factory=list)
    appends: list[float] = field(default_factory=list)

    async def append(self, events: Sequence[Event]) -> None:
        """Keeps them."""
        began = time.perf_counter()
        await self.store.append(events)
        self.appends.append(time.perf_counter() - began)
        self.batches.append(len(events))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self.store, name)


@dataclass
class Load:
    """Sessions that speak, each with a viewer, and how long words took to get there (s)."""

    ledger: Ledger
    bus: LocalBus
    over: bool = False
    finals: list[float] = field(default_factory=list)

    async def speak(self, session_id: str) -> None:
        """Says finals until it is over."""
        said = time.perf_counter()
        self.ledger.publish(session_id, FinalResult, **final(1))
        async for event in self.bus.subscribe(session_id, since=1):
            now = time.perf_counter()
            self.finals.append(now - said)
            if self.over:
                return
            said = now
            self.ledger.publish(session_id, FinalResult, **final(event.seq))


def final(number: int) -> dict[str, Any]:
    """An utterance of a usual length."""
    return {
        "speaker": "agent",
        "utterance_id": f"agent-{number}",
        "text": TEXT,
        "start": 5.0 * number,
        "end": 5.0 * number + 4.5,
        "words": WORDS,
        "confidence": 0.9,
        "language": "fr",
    }


async def measure(address: str, sessions: int, seconds: float) -> dict[str, Any]:
    """What one database does for so many sessions."""
    timed, bus = Timed(await create_store(address)), LocalBus()
    ledger = Ledger(bus, time.time)
    ids = [f"bench-{uuid.uuid4().hex}" for _ in range(sessions)]
    with tempfile.TemporaryDirectory() as folder:
        await ledger.open(timed, FileJournal(Path(folder) / "journal"))
        try:
            for session_id in ids:
                ledger.publish(session_id, SessionStarted)
            await ledger.all_settled()
            timed.batches.clear()
            timed.appends.clear()
            load = Load(ledger, bus)
            cpu, began = time.process_time(), time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                for session_id in ids:
                    tasks.create_task(load.speak(session_id))
                await asyncio.sleep(seconds)
                load.over = True
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            if ledger.away:
                raise SystemExit(f"the store does not keep up: {ledger.away}")
            return {
                "finals_per_s": len(load.finals) / took,
                "batch": statistics.mean(timed.batches),
                "append_p50_ms": 1000 * percentile(timed.appends, 0.5),
                "append_p99_ms": 1000 * percentile(timed.appends, 0.99),
                "told_p50_ms": 1000 * percentile(load.finals, 0.5),
                "told_p99_ms": 1000 * percentile(load.finals, 0.99),
                "cpu_pct": 100 * cpu / took,
            }
        finally:
            await ledger.close()
            for session_id in ids:
                await timed.store.delete(session_id)
            await timed.store.close()


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
                f"{middle['told_p50_ms']:.1f} / {middle['told_p99_ms']:.1f}",
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
    heads += ["said to told p50/p99 ms", "CPU %"]
    shown = Table(title="Finals stored and told", title_justify="left")
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
