"""A runner over the real store, and the finals that it is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from callscribe.agents.attempt import Retries
from callscribe.agents.base import Agent, Call, Finding
from callscribe.agents.runner import Runner
from callscribe.events import Event, FinalResult, RolesSwapped, SessionEnded, SessionStarted
from callscribe.transcript import Transcript, Word
from tests.agents.keeping import Kept, keeping

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

    handed = False
    """Whether it is handed what the store has taken, as the ledger does, or reads all of it."""

    def __init__(self, store: Kept, agents: Sequence[Agent], **options: Any) -> None:
        self.store = store
        self.told: list[Event] = []
        self._numbering = asyncio.Lock()
        """One event after the other, as the ledger has it: no two get the same number."""
        self.broken: list[Exception] = []
        """What the next attempts to publish raise."""
        self.journal: list[Event] = []
        """What was told while the store could not be written."""
        self.runner = Runner(
            store, self.publish, agents, lambda: CALLED_AT, **{"retries": QUICK, **options}
        )

    async def publish(self, session_id: str, kind: type[Event], /, **fields: Any) -> Event:
        if self.broken:
            raise self.broken.pop(0)
        event = await self._append(kind, session_id, **fields)
        self.told.append(event)
        return event

    async def say(self, *texts: str, session_id: str = "call") -> None:
        """Stores a final for each text, in a row, and tells the runner."""
        await self.begin(session_id)
        async with self._numbering:
            first = self.store.last_seq(session_id) + 1
            said = [
                final(text, seq, session_id=session_id) for seq, text in enumerate(texts, first)
            ]
            await self.store.append(said)
            self._hand(said)
        self.runner.notice(session_id)

    async def begin(self, session_id: str = "call") -> None:
        """Stores the first event of a session, unless it is there."""
        if not self.store.last_seq(session_id):
            config = {"transcription_language": "fr"}
            await self._append(SessionStarted, session_id, config=config)

    async def end(self, session_id: str = "call") -> None:
        await self._append(SessionEnded, session_id)
        self.runner.notice(session_id)

    async def swap(self, one: str, other: str, session_id: str = "call") -> None:
        await self._append(RolesSwapped, session_id, speakers=(one, other))

    async def _append(self, kind: type[Event], session_id: str, /, **fields: Any) -> Event:
        async with self._numbering:
            seq = self.store.last_seq(session_id) + 1
            event = kind(session_id=session_id, seq=seq + len(self.journal), at=CALLED_AT, **fields)
            if self.store.read_only:
                self.journal.append(event)
                self.runner.lose([session_id])
            else:
                await self.store.append([event])
                self._hand([event])
        return event

    def _hand(self, stored: Sequence[Event]) -> None:
        if self.handed:
            self.runner.take(stored)

    async def store_back(self) -> None:
        """The store can be written again; the journal is brought home a while later."""
        self.store.read_only = False
        await asyncio.sleep(0.02)
        async with self._numbering:
            await self.store.append(self.journal)
            self.journal.clear()

    async def settled(self) -> None:
        """Waits until no agent has anything to do."""
        await eventually(
            lambda: (
                not any(
                    post.lane._tasks or post.lane.waiting for post in self.runner._posts.values()
                )
            )
        )

    def results(self, agent: str = "scripted") -> list[str]:
        return [e.key for e in self.told if getattr(e, "kind", "") and e.agent == agent]  # type: ignore[attr-defined]


class InThreads:
    """Counts what is done in a thread of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self._to_thread = asyncio.to_thread
        monkeypatch.setattr(asyncio, "to_thread", self._watched)

    async def _watched(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self.asked += 1
        return await self._to_thread(work, *arguments)


async def eventually(holds: Callable[[], object]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
        while not holds():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def working(*agents: Agent, store: Kept | None = None, **options: Any) -> AsyncIterator[Work]:
    """A started runner over this store, or over an empty one; closed at the end."""
    async with AsyncExitStack() as stack:
        kept = store or await stack.enter_async_context(keeping())
        work = Work(kept, agents, **options)
        work.runner.start()
        try:
            yield work
        finally:
            await work.runner.close(1.0)
