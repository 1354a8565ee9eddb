"""A runner over a store in memory, and the finals that it is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from callscribe.agents.attempt import Retries
from callscribe.agents.base import Agent, Call, Finding
from callscribe.agents.runner import Runner
from callscribe.events import Event, FinalResult, SessionEnded, SessionStarted
from callscribe.transcript import Transcript, Word
from tests.memory_store import MemoryStore

CALLED_AT = 1_796_040_000.0
"""Monday, 30 November 2026, 12:00 UTC: when the calls of the tests are."""

QUICK = Retries(attempts=3, first=0.001, longest=0.002)


def words(text: str, start: float = 0.0, confidence: float = 0.9) -> tuple[Word, ...]:
    """Words of 0.3 s, one after the other."""
    return tuple(
        Word(word, start + 0.3 * place, start + 0.3 * place + 0.3, confidence)
        for place, word in enumerate(text.split())
    )


def final(text: str, seq: int = 1, **changes: Any) -> FinalResult:
    """A final of the technician, spoken at its number's time."""
    said = words(text, float(seq))
    values: dict[str, Any] = {
        "session_id": "call",
        "seq": seq,
        "at": CALLED_AT + seq,
        "speaker": "technician",
        "utterance_id": f"technician-{seq}",
        "text": text,
        "start": float(seq),
        "end": said[-1].end if said else float(seq),
        "words": said,
        "confidence": 0.9,
        "language": "fr",
    }
    return FinalResult(**{**values, **changes})


def call(language: str = "fr", session_id: str = "call") -> Call:
    """A call in which nothing was said yet."""
    return Call(session_id=session_id, language=language, transcript=Transcript(session_id))


@dataclass
class Scripted:
    """An agent that notes what it handles; ``does`` may raise, wait or find something."""

    name: str = "scripted"
    does: Callable[[FinalResult], Any] = lambda _: None
    seen: list[tuple[str, int]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:
        self.seen.append((final.session_id, final.seq))
        self.calls.append(call)
        found = self.does(final)
        if asyncio.iscoroutine(found):
            found = await found
        return [Finding(kind="seen", key=str(final.seq))] if found is None else found


@dataclass
class Finishing(Scripted):
    """One that also says something at the end."""

    finished: list[str] = field(default_factory=list)

    async def finish(self, call: Call) -> Sequence[Finding]:
        self.finished.append(call.session_id)
        return [Finding(kind="end", key="end", body={"text": call.transcript.text})]


class Work:
    """A runner at work on a store."""

    def __init__(self, store: MemoryStore, agents: Sequence[Agent], **options: Any) -> None:
        self.store = store
        self.numbers: dict[str, count[int]] = {}
        self.told: list[Event] = []
        self.broken: list[Exception] = []
        """What the next attempts to publish raise."""
        self.runner = Runner(
            store, self.publish, agents, lambda: CALLED_AT, **{"retries": QUICK, **options}
        )

    async def publish(self, session_id: str, kind: type[Event], /, **fields: Any) -> Event:
        if self.broken:
            raise self.broken.pop(0)
        last = max(self.store.sessions.get(session_id, {0: None}))
        event = kind(session_id=session_id, seq=last + 1, at=CALLED_AT, **fields)
        await self.store.append([event])
        self.told.append(event)
        return event

    async def say(self, *texts: str, session_id: str = "call") -> None:
        """Stores a final for each text, and tells the runner."""
        for text in texts:
            seq = max(self.store.sessions.get(session_id, {0: None})) + 1
            if seq == 1:
                await self._append(
                    SessionStarted, session_id, config={"transcription_language": "fr"}
                )
                seq += 1
            await self.store.append([final(text, seq, session_id=session_id)])
            self.runner.notice(session_id)

    async def end(self, session_id: str = "call") -> None:
        await self._append(SessionEnded, session_id)
        self.runner.notice(session_id)

    async def _append(self, kind: type[Event], session_id: str, **fields: Any) -> None:
        seq = max(self.store.sessions.get(session_id, {0: None})) + 1
        await self.store.append([kind(session_id=session_id, seq=seq, at=CALLED_AT, **fields)])

    async def settled(self) -> None:
        """Waits until no agent has anything to do."""
        await eventually(
            lambda: not any(s["running"] + s["waiting"] for s in self.runner.status().values())
        )

    def results(self, agent: str = "scripted") -> list[str]:
        return [e.key for e in self.told if getattr(e, "kind", "") and e.agent == agent]  # type: ignore[attr-defined]


async def eventually(holds: Callable[[], object]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
        while not holds():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def working(
    *agents: Agent, store: MemoryStore | None = None, **options: Any
) -> AsyncIterator[Work]:
    """A started runner; closed at the end."""
    work = Work(store or MemoryStore(), agents, **options)
    work.runner.start()
    try:
        yield work
    finally:
        await work.runner.close(1.0)
