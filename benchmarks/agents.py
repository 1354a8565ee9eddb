"""Agents and the store under many calls: what a final costs the event loop.

    python -m benchmarks.agents [--calls 50,200,400] [--seconds 8] [--rounds 3] [--watchlist]

Each call says a final a second, spread evenly, as a telephone gateway's do; one in ten names an
amount. Between a final and its result stand the server's own ledger, SQLite in the temporary folder
with every disk write waited for, and the agents that are on unless somebody says otherwise. What is
told is the CPU of the event loop's own thread and of the whole process; speech and sockets are not
part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.store import Timed
from callscribe.agents import Agent
from callscribe.agents.entities import EntitiesAgent
from callscribe.agents.watchlist import WatchlistAgent
from callscribe.bus.local import LocalBus
from callscribe.demo.measure import percentile
from callscribe.events import Event, FinalResult, SessionEnded, SessionStarted
from callscribe.ledger import Ledger
from callscribe.store import FileJournal, create_store
from callscribe.transcript import Word
from callscribe.web.desk import Desk

TEXT = "Bonjour, je vous appelle parce que la chaudière ne s'allume plus du tout chez moi."
WORTH = " Cela fera 49 euros."


def final(number: int) -> dict[str, Any]:
    """An utterance of a usual length; one in ten has something for an agent."""
    text = TEXT + WORTH * (number % 10 == 0)
    words = tuple(
        Word(word, 0.3 * place, 0.3 * place + 0.25, 0.9123)
        for place, word in enumerate(text.split())
    )
    return {
        "speaker": "agent",
        "utterance_id": f"agent-{number}",
        "text": text,
        "start": 5.0 * number,
        "end": 5.0 * number + 4.5,
        "words": words,
        "confidence": 0.9,
        "language": "fr",
    }


async def measure(
    folder: Path, agents: Sequence[Agent], calls: int, seconds: int
) -> dict[str, Any]:
    """What so many calls cost for so many seconds, and how soon their finals were told."""
    timed, bus = Timed(await create_store(str(folder / "calls.db"))), LocalBus()
    ledger = Ledger(bus, time.time)
    await ledger.open(timed, FileJournal(folder / "journal"))
    desk = Desk(agents, ledger)
    desk.open()
    ids = [f"bench-{number}" for number in range(calls)]
    said: dict[tuple[str, int], float] = {}
    told: list[float] = []

    def notice(event: Event) -> None:
        began = said.pop((event.session_id, event.seq), None)
        if began is not None:
            told.append(time.perf_counter() - began)

    publish = bus.publish
    bus.publish = lambda event: (publish(event), notice(event))[0]  # type: ignore[method-assign]
    try:
        for session_id in ids:
            ledger.publish(session_id, SessionStarted)
        for number in (-1, 0):  # agents have seen each call, and nothing is read for the first time
            for session_id in ids:
                ledger.publish(session_id, FinalResult, **final(number - 11))
            await ledger.all_settled()
            await _rest(desk, ids)
        timed.batches.clear()
        timed.appends.clear()
        loop_cpu, all_cpu, began = time.thread_time(), time.process_time(), time.perf_counter()
        for number in range(calls * seconds):
            wait = began + number / calls - time.perf_counter()
            if wait > 0 or number % 20 == 0:
                await asyncio.sleep(max(0.0, wait))
            session_id = ids[number % calls]
            now = time.perf_counter()
            event = ledger.publish(session_id, FinalResult, **final(number // calls + number % 10))
            said[session_id, event.seq] = now
        await ledger.all_settled()
        await _rest(desk, ids)
        loop_cpu, all_cpu = time.thread_time() - loop_cpu, time.process_time() - all_cpu
        took = time.perf_counter() - began
        for session_id in ids:
            ledger.publish(session_id, SessionEnded)
        await ledger.all_settled()
        await _rest(desk, ids)
        found = sum([len(await timed.store.results(session_id)) for session_id in ids[:5]])
    finally:
        await desk.close()
        await ledger.close()
        await timed.store.close()
    finals = calls * seconds
    return {
        "calls": calls,
        "loop_us": 1e6 * loop_cpu / finals,
        "process_us": 1e6 * all_cpu / finals,
        "loop_pct": 100 * loop_cpu / took,
        "behind_s": took - seconds,
        "told_p50_ms": 1000 * percentile(told, 0.5),
        "told_p99_ms": 1000 * percentile(told, 0.99),
        "batch": statistics.mean(timed.batches),
        "found": found,
    }


async def _rest(desk: Desk, ids: Sequence[str]) -> None:
    for session_id in ids:
        while desk.runner.at_work(session_id):
            await desk.runner.turn(session_id).wait()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default="50,200,400", help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=8, help="how long each is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--watchlist", action="store_true", help="with a list of two phrases too")
    asked = parser.parse_args()
    console = Console()
    shown = Table(title="Agents and the store, a final a second and call", title_justify="left")
    for head in ("calls", "loop µs a final", "process µs a final", "loop %", "a batch"):
        shown.add_column(head, justify="right")
    shown.add_column("said to told p50/p99 ms", justify="right")
    counts = [int(n) for n in asked.calls.split(",")]
    rows: list[dict[str, Any]] = []
    for calls in track(counts * asked.rounds, "Agents", console=console):
        agents: list[Agent] = [EntitiesAgent()]
        if asked.watchlist:
            agents.append(WatchlistAgent(("chaudière", "résilier le contrat")))
        with tempfile.TemporaryDirectory() as made:
            rows.append(asyncio.run(measure(Path(made), agents, calls, asked.seconds)))
    for calls in counts:
        same = [row for row in rows if row["calls"] == calls]
        middle = {key: statistics.median(row[key] for row in same) for key in same[0]}
        shown.add_row(
            str(calls),
            f"{middle['loop_us']:.0f}",
            f"{middle['process_us']:.0f}",
            f"{middle['loop_pct']:.0f}",
            f"{middle['batch']:.1f}",
            f"{middle['told_p50_ms']:.1f} / {middle['told_p99_ms']:.1f}",
        )
    console.print(shown)


if __name__ == "__main__":
    main()
