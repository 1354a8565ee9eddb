"""What an agent is: it reads a call's finals and says what it found in them.

May import ``events`` and ``transcript``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from callscribe.events import FinalResult
from callscribe.transcript import Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth telling; it becomes an ``AgentResult`` event and is kept in the store.

    ``key`` is what makes it the same when the final is handled once more: a finding whose key is
    known in this session is not told again.
    """

    kind: str
    key: str
    body: Mapping[str, Any] = field(default_factory=dict)
    utterance_ids: tuple[str, ...] = ()
    """The words it came from; empty: those of the final that is being handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call that a final belongs to, as far as it has come."""

    session_id: str
    language: str
    """The configured one; a final knows the one it was spoken in."""
    transcript: Transcript


@runtime_checkable
class Agent(Protocol):
    """Reads finals, in order per session, each at least once, whatever crashes in between.

    An utterance that grows comes again with every final; one with ``speech_final`` is whole. What
    ``handle`` raises is tried again, and becomes a dead letter in the end; at once where the error
    says that it is not ``retryable``.

    It may have a ``deadline`` of its own, the seconds that one call of it may take, and a
    ``close()`` to be awaited at the end. It must not block: what computes belongs in a thread.
    """

    @property
    def name(self) -> str:
        """Its name in the store: keep it the same for ever."""
        ...

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:
        """What there is to say about a final."""
        ...


@runtime_checkable
class Finisher(Protocol):
    """An agent that has something to say when the call is over."""

    async def finish(self, call: Call) -> Sequence[Finding]:
        """What there is to say about the whole call."""
        ...
