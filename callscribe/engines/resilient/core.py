"""What to do when: one leg's way through outages, without sockets, tasks or a clock.

It is told what happened and when, and says what is to be done. Places are samples on the leg's own
clock; ``now`` is monotonic seconds. Every sample is covered once: by a final, or by a gap.

May import ``engines.base``, ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from callscribe.engines.base import (
    EngineEvent,
    Listening,
    Lost,
    Silent,
    SpeechBegan,
    TakenOver,
    Unheard,
)
from callscribe.engines.resilient.clip import clipped
from callscribe.engines.resilient.rules import LIVE, Patience, Rung, Tries
from callscribe.errors import CallscribeError, CapacityError, EngineError
from callscribe.transcript import Result

BEHIND: Final = "the engine was away for too long"
DROPPED: Final = "it was too long to keep"
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
HEAD: Final = 0.1
"""Seconds of kept audio that a new connection gets at once."""


@dataclass(slots=True, eq=False)
class Line:
    """One connection to one engine, or the attempt to open it."""

    rung: int
    asked_at: float
    base: int = 0
    """The leg's sample that is this connection's first."""
    sent: int = 0
    """The leg's sample that it is to be sent next."""
    opened_at: float | None = None
    fed_at: float = 0.0
    """Since when it is given audio."""
    lasted: bool = False
    waits: CapacityError | None = None
    """Why it is not being opened yet: the engine is full, and will take it when there is room."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection; ``opened`` or ``failed`` is to follow."""

    line: Line


@dataclass(frozen=True, slots=True)
class Drop:
    """Close a connection, or stop opening it; nothing that it says counts any more."""

    line: Line


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand an event on."""

    event: EngineEvent


Action = Open | Drop | Tell


@dataclass(slots=True)
class Core:
    """The state of one leg. Methods return what is to be done, in order."""

    rungs: Sequence[Rung]
    rate: int
    patience: Patience
    jitter: Callable[[], float]
    received: int = 0
    settled: int = 0
    """Everything before is final, or said to be a gap."""
    kept_from: int = 0
    """The first sample that is still there to be heard again; set by who keeps the audio."""
    active: Line | None = None
    """Whose results count."""
    opening: list[Line] = field(default_factory=list)
    """Being opened, or open and waiting for their turn."""
    _tries: list[Tries] = field(default_factory=list)
    _away_since: float | None = None
    _error: CallscribeError | None = None
    """Why it is not the first engine that listens, or nobody."""
    _told_rung: int = 0
    """The engine that was named last to who listens."""
    _open_words: bool = False
    """Words stand that no end of an utterance has followed."""

    def __post_init__(self) -> None:
        self._tries = [Tries(self.patience, self.jitter) for _ in self.rungs]

    # --- what happens -------------------------------------------------------------------------

    def audio(self, samples: int) -> Line | None:
        """Audio came; the line to which it can be sent at once, None where it has to wait."""
        line = self.active
        direct = line is not None and line.sent == self.received
        self.received += samples
        if not direct:
            return None
        assert line is not None  # noqa: S101 - direct says so
        line.sent = self.received
        return line

    def opened(self, line: Line, now: float) -> list[Action]:
        """A connection is open."""
        if line not in self.opening:
            return [Drop(line)]
        line.opened_at = now
        return self.tick(now)

    def waits(self, line: Line, error: CapacityError, now: float) -> list[Action]:
        """An engine is full: the line has its place in the queue there, and others are asked."""
        if line not in self.opening:
            return []
        line.waits = error
        if self.active is None or line.rung < self.active.rung:
            self._error = error
        return self.tick(now)

    def failed(self, line: Line, error: CallscribeError, now: float) -> list[Action]:
        """A connection could not be opened, or has ended by itself."""
        if line is self.active:
            self.active = None
            self._away_since = now
        elif line in self.opening:
            self.opening.remove(line)
        else:
            return []
        self._tries[line.rung].failed(error, now)
        self._blame_provider(line.rung, error)
        if self.active is None or line.rung < self.active.rung:
            self._error = error
        return self.tick(now)

    def heard(self, line: Line, event: EngineEvent) -> list[Action]:
        """An engine says something about the leg."""
        if line is not self.active or isinstance(event, Lost):
            return []
        shift = line.base / self.rate
        settled = self.settled / self.rate
        if isinstance(event, Result):
            return self._result(event.moved(shift), settled)
        if isinstance(event, Silent):
            self._settle(event.until + shift)
            return []
        if isinstance(event, SpeechBegan):
            return [Tell(SpeechBegan(max(event.start + shift, settled)))]
        if isinstance(event, Unheard):
            start, end = max(event.start + shift, settled), event.end + shift
            self._settle(end)
            return [Tell(replace(event, start=start, end=end))] if end > start else []
        return [Tell(event)]

    def completed(self, line: Line) -> list[Action]:
        """A connection has been closed in good order: what it did not write down was silence."""
        if line is self.active:
            self.active = None
            self.settled = self.received
        return []

    def give_up(self) -> list[Action]:
        """Nobody will listen any more: what was not heard is said."""
        actions: list[Action] = [Drop(line) for line in self.opening]
        self.opening.clear()
        if self.active is not None:
            actions.append(Drop(self.active))
            self.active = None
        error = self._error or EngineError("no engine listened to the end")
        return actions + self._gap(self.received, error.message)

    # --- what is to be done -------------------------------------------------------------------

    @property
    def is_caught_up(self) -> bool:
        """Whoever listens has all the audio."""
        return self.active is not None and self.active.sent == self.received

    @property
    def hopeless(self) -> CallscribeError | None:
        """Why no engine will ever listen; None while one may."""
        if self.active is not None or self.opening:
            return None
        if any(tries.refused is None for tries in self._tries):
            return None
        return self._error

    @property
    def turned_down(self) -> CallscribeError | None:
        """Why the leg should not begin at all: each engine has refused it, or is full."""
        if self.active is not None or any(line.waits is None for line in self.opening):
            return None
        full = {line.rung: line.waits for line in self.opening}
        errors = [full.get(rung) or tries.error for rung, tries in enumerate(self._tries)]
        if any(e is None or (e.retryable and not isinstance(e, CapacityError)) for e in errors):
            return None
        return errors[-1]

    def is_away(self, now: float, seconds: float) -> bool:
        """Whether nobody has listened for so long."""
        since = self._away_since
        return self.active is None and since is not None and now - since >= seconds

    def tick(self, now: float) -> list[Action]:
        """Does what time has made due."""
        actions: list[Action] = []
        self._note_lasting(now)
        if self.active is None and self._away_since is None:
            self._away_since = now
        actions += self._hand_over(now)
        return actions + self._try(now)

    def due(self, now: float) -> tuple[Line, int, int] | None:
        """The kept audio that is to be sent now: to whom, from where, to where; then ``fed``."""
        line = self.active
        if line is None or line.sent >= self.received:
            return None
        pace = self.rungs[line.rung].pace
        end = self.received
        if pace != LIVE:
            seconds = HEAD + (now - line.fed_at) * pace
            end = min(end, line.base + int(seconds * self.rate))
        return (line, line.sent, end) if end > line.sent else None

    def fed(self, line: Line, end: int) -> None:
        """The kept audio before ``end`` was sent."""
        line.sent = end

    def deadline(self, now: float) -> float | None:
        """When ``tick`` has something to do, monotonic; None while only events change that."""
        times: list[float] = []
        best = len(self.rungs) if self.active is None else self.active.rung
        busy = {line.rung for line in self.opening}
        for rung in range(best):
            tries = self._tries[rung]
            if rung in busy or tries.refused is not None:
                continue
            times.append(max(tries.at, self._allowed_from(rung, now)))
        for line in self.opening:
            if line.opened_at is not None and line.rung < best:
                healthy = line.opened_at + self.patience.healthy
                late = healthy + self.patience.boundary
                times.append(late if now >= healthy and self._open_words else healthy)
        if self.active is not None:
            if self.active.sent < self.received:
                times.append(now + 0.04)
            if not self.active.lasted:
                times.append((self.active.opened_at or now) + self.patience.stable)
        times = [at for at in times if at != float("inf")]
        return min(times, default=None)

    # --- inside -------------------------------------------------------------------------------

    def _note_lasting(self, now: float) -> None:
        line = self.active
        if line is None or line.lasted or line.opened_at is None:
            return
        if now - line.opened_at >= self.patience.stable:
            line.lasted = True
            self._tries[line.rung].lasted()

    def _allowed_from(self, rung: int, now: float) -> float:
        """From when on an engine may be asked: further down when those above have had a while."""
        if self.active is not None:
            return now
        asked = {line.rung: line for line in self.opening}
        start = now
        for other in range(rung):
            tries = self._tries[other]
            if tries.refused is not None or (other in asked and asked[other].waits):
                continue
            since = now if self._away_since is None else self._away_since
            wait = self.patience.takeover
            if tries.failed_at < since:  # not yet, since nobody listens
                if other in asked:
                    since, wait = max(since, asked[other].asked_at), self.patience.opening
                elif tries.at <= now:
                    return float("inf")  # it is asked first
            start = max(start, since + wait)
        return start

    def _blame_provider(self, rung: int, error: CallscribeError) -> None:
        """What keeps a provider from listening in one way keeps it from the others too."""
        provider = self.rungs[rung].provider
        if not provider or error.code in ONE_WAY:
            return
        for other, tries in enumerate(self._tries):
            if other != rung and self.rungs[other].provider == provider:
                tries.at = max(tries.at, self._tries[rung].at)
                tries.refused = tries.refused or self._tries[rung].refused

    def _try(self, now: float) -> list[Action]:
        """Opens what may be opened: better engines than the one that listens, in their order."""
        actions: list[Action] = []
        best = len(self.rungs) if self.active is None else self.active.rung
        busy = {line.rung for line in self.opening}
        for rung in range(best):
            tries = self._tries[rung]
            if rung in busy or tries.refused is not None or now < tries.at:
                continue
            if now < self._allowed_from(rung, now):
                continue
            line = Line(rung, now)
            self.opening.append(line)
            actions.append(Open(line))
        return actions

    def _hand_over(self, now: float) -> list[Action]:
        """Gives the leg to the best engine that is connected and may have it."""
        ready = [line for line in self.opening if line.opened_at is not None]
        if not ready:
            return []
        line = min(ready, key=lambda one: one.rung)
        assert line.opened_at is not None  # noqa: S101 - only such are ready
        if self.active is not None:
            if line.rung >= self.active.rung:
                self.opening.remove(line)
                return [Drop(line)]
            waited = now - line.opened_at - self.patience.healthy
            if waited < 0 or (self._open_words and waited < self.patience.boundary):
                return []
        return self._switch(line, now)

    def _switch(self, line: Line, now: float) -> list[Action]:
        actions: list[Action] = []
        if self.active is not None:
            actions.append(Drop(self.active))
        self.opening.remove(line)
        for other in [one for one in self.opening if one.rung > line.rung]:
            self.opening.remove(other)
            actions.append(Drop(other))
        actions += self._gap(self.kept_from, DROPPED)
        oldest = self.received - int(self.patience.replay * self.rate)
        actions += self._gap(oldest, BEHIND)
        line.base = line.sent = self.settled
        line.fed_at = now
        self.active = line
        self._away_since = None
        if line.rung != self._told_rung:
            self._told_rung = line.rung
            name = self.rungs[line.rung].name
            slow = EngineError(
                f"{self.rungs[0].name} takes too long to connect", code="engine_slow"
            )
            taken_over = TakenOver(name, self._error or slow)
            actions.append(Tell(taken_over if line.rung else Listening(name)))
        return actions

    def _gap(self, until: int, reason: str) -> list[Action]:
        """Says that nobody heard what is not settled before ``until``."""
        if until <= self.settled:
            return []
        start, self.settled = self.settled, until
        self._open_words = False
        return [Tell(Unheard(start / self.rate, until / self.rate, reason))]

    def _settle(self, until: float) -> None:
        """All before ``until`` (leg seconds) is written down for good."""
        line = self.active
        most = self.received if line is None else line.sent
        self.settled = max(self.settled, min(round(until * self.rate), most))

    def _result(self, result: Result, settled: float) -> list[Action]:
        new = clipped(result, settled)
        if not new.is_final:
            if new.words or not result.words:
                self._open_words = self._open_words or bool(new.text)
                return [Tell(new)]
            return []  # all of it has been final before
        self._settle(new.end if new.until is None else new.until)
        if new.text:
            self._open_words = True
        if new.speech_final:
            self._open_words = False
        return [Tell(new)]
