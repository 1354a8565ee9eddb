"""A store in memory, for tests of what works with a store."""

from __future__ import annotations

import asyncio
import dataclasses
import unicodedata
from collections.abc import Sequence
from typing import Any

from callscribe.errors import StoreError
from callscribe.events import (
    AgentResult,
    Event,
    FinalResult,
    Gap,
    LegEnded,
    LegStarted,
    RolesSwapped,
    SessionEnded,
    SessionInterrupted,
    SessionStarted,
    parse_event,
)
from callscribe.store.base import (
    CallState,
    DeadLetter,
    Match,
    StoredCall,
    StoredGap,
    StoredLeg,
    StoredResult,
)
from callscribe.transcript import Transcript, Utterance


def _fold(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in bare).split()


class MemoryStore:
    """Everything the contract says, by folding the events anew for every question."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[int, Event]] = {}
        self.cursors: dict[tuple[str, str], int] = {}
        self.buried: dict[str, DeadLetter] = {}
        self.trouble = 0
        """So many calls fail from now on, as if the disk were full."""
        self.calls_made: list[str] = []

    def _work(self, name: str) -> None:
        self.calls_made.append(name)
        if self.trouble:
            self.trouble -= 1
            raise StoreError("the disk is full: make room")

    def _of(self, session_id: str, *kinds: type[Event]) -> list[Any]:
        """The events of a session; speakers are called as they are called at the end."""
        events = sorted(self.sessions.get(session_id, {}).values(), key=lambda event: event.seq)
        for index, event in enumerate(events):
            if isinstance(event, RolesSwapped):
                one, other = event.speakers
                names = {one: other, other: one}
                for place in range(index):
                    past: Any = events[place]
                    if getattr(past, "speaker", None) in names:
                        events[place] = dataclasses.replace(past, speaker=names[past.speaker])
        return [event for event in events if not kinds or isinstance(event, kinds)]

    async def append(self, events: Sequence[Event]) -> None:
        self._work("append")
        await asyncio.sleep(0)
        for event in events:
            assert event.durable
            again = parse_event(event.to_dict())  # what is kept went through its JSON form
            self.sessions.setdefault(event.session_id, {}).setdefault(event.seq, again)

    async def events(
        self, session_id: str, since: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        self._work("events")
        await asyncio.sleep(0)
        kept = self.sessions.get(session_id, {})
        return [kept[seq].to_dict() for seq in sorted(kept) if seq > since][:limit]

    async def call(self, session_id: str) -> StoredCall | None:
        self._work("call")
        return self._call(session_id) if self.sessions.get(session_id) else None

    def _call(self, session_id: str, matches: tuple[Match, ...] = ()) -> StoredCall:
        events = self._of(session_id)
        state: CallState = "running"
        ended_at = None
        started = SessionStarted(session_id=session_id, seq=0, at=events[0].at)
        for event in events:
            if isinstance(event, SessionStarted):
                started = event
            elif isinstance(event, SessionInterrupted):
                state = "interrupted"
            elif isinstance(event, SessionEnded):
                state, ended_at = "ended", event.at
            elif state == "interrupted" and isinstance(event, LegStarted):
                state = "running"
        seconds = {event.speaker: event.seconds for event in events if isinstance(event, LegEnded)}
        transcript = self._transcript(session_id)
        return StoredCall(
            session_id=session_id,
            state=state,
            started_at=events[0].at,
            ended_at=ended_at,
            last_at=events[-1].at,
            last_seq=events[-1].seq,
            engine=started.engine,
            config=started.config,
            duration=transcript.duration,
            utterances=len(transcript.utterances),
            legs=tuple(
                StoredLeg(
                    speaker=leg.speaker,
                    sample_rate=leg.sample_rate,
                    language=leg.language,
                    engine=leg.engine,
                    offset=leg.offset,
                    seconds=seconds.get(leg.speaker),
                )
                for leg in {leg.speaker: leg for leg in self._of(session_id, LegStarted)}.values()
            ),
            matches=matches,
        )

    async def calls(
        self,
        *,
        search: str = "",
        states: Sequence[CallState] = (),
        before: float | None = None,
        limit: int = 50,
    ) -> list[StoredCall]:
        self._work("calls")
        wanted = _fold(search)
        found = []
        for session_id in self.sessions:
            matches = tuple(
                Match(utterance_id=u.utterance_id, speaker=u.speaker, start=u.start, text=u.text)
                for u in self._transcript(session_id).utterances
                if wanted and all(any(w.startswith(p) for w in _fold(u.text)) for p in wanted)
            )
            call = self._call(session_id, matches)
            if wanted and not matches:
                continue
            if (not states or call.state in states) and (
                before is None or call.started_at < before
            ):
                found.append(call)
        return sorted(found, key=lambda call: call.started_at, reverse=True)[:limit]

    async def transcript(self, session_id: str) -> Transcript:
        self._work("transcript")
        return self._transcript(session_id)

    def _transcript(self, session_id: str) -> Transcript:
        latest = {final.utterance_id: final for final in self._of(session_id, FinalResult)}
        transcript = Transcript(session_id)
        for final in latest.values():
            if final.text:
                names = [field.name for field in dataclasses.fields(Utterance)]
                transcript.add(Utterance(**{name: getattr(final, name) for name in names}))
        return transcript

    async def revisions(self, session_id: str, utterance_id: str) -> list[dict[str, Any]]:
        self._work("revisions")
        finals = self._of(session_id, FinalResult)
        return [f.to_dict() for f in finals if f.utterance_id == utterance_id and f.speech_final]

    async def gaps(self, session_id: str) -> list[StoredGap]:
        self._work("gaps")
        return [
            StoredGap(speaker=gap.speaker, start=gap.start, end=gap.end, reason=gap.reason)
            for gap in self._of(session_id, Gap)
        ]

    async def results(self, session_id: str) -> list[StoredResult]:
        self._work("results")
        await asyncio.sleep(0)  # a real one lets others run meanwhile
        names = [field.name for field in dataclasses.fields(StoredResult)]
        found = self._of(session_id, AgentResult)
        return [StoredResult(**{name: getattr(result, name) for name in names}) for result in found]

    async def delete(self, session_id: str) -> bool:
        self._work("delete")
        for place in [place for place in self.cursors if place[1] == session_id]:
            del self.cursors[place]
        for letter in [x for x in self.buried.values() if x.session_id == session_id]:
            del self.buried[letter.letter_id]
        return self.sessions.pop(session_id, None) is not None

    async def cursor(self, agent: str, session_id: str) -> int:
        self._work("cursor")
        return self.cursors.get((agent, session_id), 0)

    async def advance(self, agent: str, session_id: str, seq: int) -> None:
        self._work("advance")
        place = (agent, session_id)
        self.cursors[place] = max(seq, self.cursors.get(place, 0))

    async def behind(self, agent: str) -> list[str]:
        self._work("behind")
        return [
            session_id
            for session_id in sorted(self.sessions, key=lambda s: self._call(s).started_at)
            if any(
                event.seq > self.cursors.get((agent, session_id), 0)
                for event in self._of(session_id, FinalResult, SessionEnded)
            )
        ]

    async def bury(self, letter: DeadLetter) -> None:
        self._work("bury")
        self.buried[letter.letter_id] = letter

    async def letters(self, agent: str = "", letter_id: str = "") -> list[DeadLetter]:
        self._work("letters")
        return sorted(
            (
                letter
                for letter in self.buried.values()
                if agent in ("", letter.agent) and letter_id in ("", letter.letter_id)
            ),
            key=lambda letter: letter.at,
        )

    async def drop_letter(self, letter_id: str) -> bool:
        self._work("drop_letter")
        return self.buried.pop(letter_id, None) is not None

    async def close(self) -> None:
        """There is nothing to let go."""
