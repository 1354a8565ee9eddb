"""What the resilient engine goes by: its engines in order, its patience, and when it tries again.

May import ``errors`` and ``engines.base``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from callscribe.engines.base import TranscriptionEngine
from callscribe.errors import CallscribeError

ONE_WAY: Final = frozenset(
    {
        "deepgram_busy",
        "deepgram_budget",
        "deepgram_bad_option",
        "deepgram_bad_address",
        "deepgram_refused",
    }
)
"""Errors of a stream that say nothing about requests, and the other way round."""
SHORT_LIVED: Final = 2
"""Connections in a row that did not last: one may be chance, of two the next will not last either.
"""
ENOUGH: Final = 2.0
"""Seconds of audio from which on a final is worth asking for: less is too little to be understood,
and a few times as much is more than is sent while such a connection lives."""
LATEST: Final = 3.5
"""Seconds of audio behind which a final is asked for even within a word: with the silence before it
and the answer, a connection that lives for 5 s has just time for that."""
EVERY: Final = 1.0
"""Seconds between two such questions at least: each cuts off what is understood from what follows.
"""
GLANCE: Final = 0.2
"""Seconds between two looks for a quiet moment, which lasts as long."""
LIVE: Final = float("inf")
"""The pace of an engine that takes audio as fast as it comes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, unless said otherwise, that one thing may take before another is done."""

    takeover: float = 0.7
    """That nobody listens before the next engine does."""
    opening: float = 1.8
    """That a connection may take to open before the next engine does."""
    replay: float = 20.0
    """Of audio that are heard again at most; what is older becomes a gap, to be repaired."""
    kept: float = 1800.0
    """Of audio that are kept while nobody has heard them, most of them on disk; then they are lost.
    """
    in_memory: float = 60.0
    """Of those, in memory."""
    first_delay: float = 0.5
    longest_delay: float = 10.0
    """Between two tries to connect: full jitter between nothing and this, doubled each time."""
    attempts: int = 12
    """Tries in one outage, a number."""
    outage: float = 60.0
    """That tries go on in one outage."""
    rest: float = 30.0
    """After all tries of an outage, until the next one."""
    refusal: float = 60.0
    """Before those are asked again that have refused, all of them: a key may be valid again."""
    alone: float = 5.0
    """That nobody listens, or nobody answers, before that is said."""
    untold: float = 30.0
    """Of audio that nobody is going to hear, before it is said to be a gap."""
    stable: float = 10.0
    """That a connection must last for the tries to be counted anew."""
    healthy: float = 2.0
    """That a better engine must be connected before it is handed the leg."""
    boundary: float = 10.0
    """That the end of an utterance is waited for then."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One engine of the ladder; the first one is asked as long as it can be."""

    engine: TranscriptionEngine
    name: str
    """How people are told of it."""
    pace: float = LIVE
    """How fast, in seconds of audio a second, it may be given audio that was kept."""
    provider: str = ""
    """Whose service it is; empty: this machine's own."""
    streaming: bool = True
    """Off: it answers in pieces, some seconds late."""


class Tries:
    """When one engine may be tried again: full jitter, bounded in number and in time.

    The delay before the n-th try is uniform in [0, min(longest, first * 2**n)): the "full jitter"
    that Deepgram's own example of recovering from connection errors uses.
    """

    def __init__(self, patience: Patience, jitter: Callable[[], float] = random.random) -> None:
        self._patience = patience
        self._jitter = jitter
        self._count = 0
        self._since: float | None = None
        self._young = 0
        """Connections in a row that were lost before they had lasted."""
        self.refused: CallscribeError | None = None
        """The error after which it is not tried again, unless it is forgiven."""
        self.at = 0.0
        """When it may be tried (monotonic)."""
        self.failed_at = float("-inf")
        self.error: CallscribeError | None = None
        """The latest one."""

    @property
    def is_short_lived(self) -> bool:
        """Whether its connections die young."""
        return self._young >= SHORT_LIVED

    def ended(self, lived: float, settled: float) -> None:
        """A connection was lost that had lived for so long, and settled so much audio (s)."""
        if lived < self._patience.stable:
            self._young += 1
        if settled >= ENOUGH:  # it was worth opening, and the next one will be
            self._count, self._since = 0, None

    def failed(self, error: CallscribeError, now: float) -> None:
        """It could not be opened, or was lost."""
        self.failed_at = now
        self.error = error
        if not error.retryable:
            self.refused = error
            return
        patience = self._patience
        self._since = now if self._since is None else self._since
        if self._count >= patience.attempts or now - self._since >= patience.outage:
            self._count, self._since = 0, None
            self.at = now + patience.rest
            return
        most = min(patience.longest_delay, patience.first_delay * 2**self._count)
        self._count += 1
        self.at = now + self._jitter() * most

    def forgive(self) -> None:
        """It may be tried again although it has refused."""
        self.refused = None

    def hurry(self, now: float) -> None:
        """It may be tried soon, whatever has failed: others have found that it answers."""
        self.refused = None
        self._count, self._since = 0, None
        self.at = min(self.at, now + self._jitter() * self._patience.first_delay)

    def share(self, other: Tries) -> None:
        """What failed there would fail here too: others are asked before that is found out."""
        self.refused = self.refused or other.refused
        self.failed_at = max(self.failed_at, other.failed_at)
        if other._count <= 1:  # once in an outage: it is tried in the end
            self.at = max(self.at, other.failed_at + self._patience.opening)

    def lasted(self) -> None:
        """It was stable: whatever comes next is a new outage."""
        self._count, self._since, self._young = 0, None, 0


def blame_provider(rungs: Sequence[Rung], tries: Sequence[Tries], failed: int) -> None:
    """What keeps a provider from listening in one way keeps it from the others too."""
    provider, cause = rungs[failed].provider, tries[failed]
    if not provider or (cause.error is not None and cause.error.code in ONE_WAY):
        return
    for rung, others in zip(rungs, tries, strict=True):
        if others is not cause and rung.provider == provider:
            others.share(cause)
