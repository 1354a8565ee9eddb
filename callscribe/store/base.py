"""What a store is: it keeps every durable event, and gives calls, texts and results back.

All that a store knows comes to it as events; calls, legs, utterances, gaps and results are what
these add up to. May import ``events``, ``transcript`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from callscribe.events import Event
from callscribe.transcript import Gap, Transcript

CallState = Literal["running", "interrupted", "ended"]
"""``interrupted``: its server died; a leg that comes back makes it ``running`` again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeg:
    """One leg of a stored call; ``offset`` and ``seconds`` as in the events."""

    speaker: str
    sample_rate: int
    language: str
    engine: str
    offset: float
    seconds: float | None = None
    """How much audio was heard; None while the leg has not ended."""
    encoding: str = ""
    """Empty for a leg of before this was written down."""
    model: str = ""
    """The engine's; empty where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An utterance in which something was found."""

    utterance_id: str
    speaker: str
    start: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """One call without its words. ``started_at`` and ``ended_at`` are UNIX seconds."""

    session_id: str
    state: CallState
    started_at: float
    ended_at: float | None = None
    last_at: float
    """When its latest event happened."""
    last_seq: int
    engine: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    duration: float = 0.0
    """The end of what was said, and of what nobody heard, on the call clock (s)."""
    utterances: int = 0
    coverage: float = 100.0
    """How much of its audio was heard, in percent."""
    legs: tuple[StoredLeg, ...] = ()
    matches: tuple[Match, ...] = ()
    """Where the words that were searched for are, the first twenty; empty without a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """What an agent found; fields as in ``events.AgentResult``."""

    agent: str
    kind: str
    key: str
    utterance_ids: tuple[str, ...]
    body: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that an agent could not handle, kept until it is replayed or dropped."""

    letter_id: str
    agent: str
    session_id: str
    seq: int
    error: str
    attempts: int
    at: float


@runtime_checkable
class Store(Protocol):
    """The memory of the house. Every method raises ``StoreError`` when it cannot do its work.

    Session ids, speakers and texts are taken as they come: the store escapes what it must.
    """

    async def append(self, events: Sequence[Event]) -> None:
        """Keeps durable events of any sessions: all of them or none, on disk when it returns.

        An event whose session and number are known is passed over, so that it may be repeated.
        """
        ...

    async def events(
        self, session_id: str, since: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """The events of a session numbered above ``since``, in order, in their JSON form."""
        ...

    async def call(self, session_id: str) -> StoredCall | None:
        """One call; None when there is none."""
        ...

    async def calls(
        self,
        *,
        search: str = "",
        states: Sequence[CallState] = (),
        before: float | None = None,
        limit: int = 50,
    ) -> list[StoredCall]:
        """Calls, the latest first; begun before ``before`` (UNIX s) where that is given.

        ``search``: only those where one utterance holds every word of it (or a word that begins
        with it); case and accents do not matter. ``states``: only these; empty: all.
        """
        ...

    async def transcript(self, session_id: str) -> Transcript:
        """What was said and what nobody heard, in order, revisions and repairs applied.

        Empty for an unknown session.
        """
        ...

    async def revisions(self, session_id: str, utterance_id: str) -> list[dict[str, Any]]:
        """Every closed version of an utterance, the first one first, as JSON finals."""
        ...

    async def gaps(self, session_id: str) -> list[Gap]:
        """What nobody heard, in order, without what was repaired."""
        ...

    async def results(self, session_id: str) -> list[StoredResult]:
        """What the agents found, in order; ``speaker`` in a body is under the name of now."""
        ...

    async def delete(self, session_id: str) -> bool:
        """Forgets a call with all that hangs on it; false when there was none."""
        ...

    async def cursor(self, agent: str, session_id: str) -> int:
        """The number of the last event that an agent has done with; 0 at first."""
        ...

    async def advance(self, agent: str, session_id: str, seq: int) -> None:
        """Notes that an agent has done with all events up to ``seq``; never goes back."""
        ...

    async def advance_all(self, done: Mapping[tuple[str, str], int]) -> Collection[str]:
        """The same for many at once, each by its agent and session: all of them or none.

        Gives the sessions that are not there (any more): of these nothing is noted.
        """
        ...

    async def behind(self, agent: str) -> list[str]:
        """The sessions with finals, or an end, above the agent's cursor, the oldest first."""
        ...

    async def bury(self, letter: DeadLetter) -> None:
        """Keeps a dead letter; one with the same id is replaced."""
        ...

    async def letters(self, agent: str = "", letter_id: str = "") -> list[DeadLetter]:
        """The dead letters, the oldest first; only an agent's, only one, where that is given."""
        ...

    async def drop_letter(self, letter_id: str) -> bool:
        """Forgets a dead letter; false when there was none."""
        ...

    async def close(self) -> None:
        """Lets the database go. Idempotent."""
        ...
