"""How a leg stands, and what follows: who may be asked now, who has to wait, when to look again.

Nothing is changed here; what happens to a leg is in ``core``. Places are samples on the leg's own
clock; ``now`` is monotonic seconds. May import ``errors`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.course import given_since
from callscribe.engines.resilient.progress import Progress
from callscribe.engines.resilient.rules import ENOUGH, GLANCE, LIVE, Patience, Rung, Tries
from callscribe.errors import CallscribeError, CapacityError


@dataclass(slots=True)
class Standing:
    """Who listens to a leg, who is being asked, how far it is."""

    rungs: Sequence[Rung]
    rate: int
    patience: Patience
    jitter: Callable[[], float]
    active: Line | None = None
    """Whose results count."""
    opening: list[Line] = field(default_factory=list)
    """Being opened, or open and waiting for their turn."""
    spare: Line | None = None
    """Another connection to the engine that listens, in case that the one it has is dead."""
    interims: bool = True
    """Engines show the words of what has no final yet."""
    begun: bool = False
    """Whoever opened the leg has it: it goes on, even where nobody listens."""
    _spare_from: float = -inf
    """When the next one may be opened, at the soonest."""
    _tries: list[Tries] = field(default_factory=list)
    _away_since: float | None = None
    _alone_since: float | None = None
    """Since when nobody listens, or nobody who has answered or stayed for a while."""
    _alone_told: bool = False
    """That was said."""
    _silent_to: int = 0
    """Where somebody speaks first in what is not settled, or a little before."""
    _sought_until: float = -inf
    """That is being sought; until then nobody is given the leg."""
    _error: CallscribeError | None = None
    """Why it is not the first engine that listens, or nobody."""
    _progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self._tries = [Tries(self.patience, self.jitter) for _ in self.rungs]
        self._progress = Progress(self.rate)

    @property
    def received(self) -> int:
        """Samples that have come."""
        return self._progress.received

    @property
    def settled(self) -> int:
        """Everything before is final, silent, or said to be a gap."""
        return self._progress.settled

    @property
    def is_caught_up(self) -> bool:
        """Whoever listens has all the audio."""
        return self.active is not None and self.active.sent == self.received

    @property
    def hopeless(self) -> CallscribeError | None:
        """Why nobody listens, and nobody will soon: all have refused. None while one may."""
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

    @property
    def _forgives_at(self) -> float:
        """When those are asked again that have refused; never while another may listen."""
        if not self.begun or self.hopeless is None:
            return inf
        return max(tries.failed_at for tries in self._tries) + self.patience.refusal

    @property
    def _worries_at(self) -> float:
        """When it is to be said that nobody listens although somebody may soon."""
        since = self._alone_since
        if since is None or self._alone_told or not self.begun:
            return inf
        if self.active is not None or self.hopeless is not None:
            return inf
        return since + self.patience.alone

    @property
    def _settles_at(self) -> float:
        """When a stream is taken for one that listens, although it has said nothing."""
        line = self.active
        if self._alone_since is None or line is None or not self.rungs[line.rung].streaming:
            return inf
        return (line.opened_at or 0.0) + self.patience.healthy

    @property
    def needed_from(self) -> int:
        """The first sample that may still have to be sent, or is not settled."""
        return min([self.settled, *(line.sent for line in self._fed)])

    @property
    def _fed(self) -> list[Line]:
        """The lines that are given audio."""
        return [line for line in (self.active, self.spare) if line is not None and line.begun]

    @property
    def _spares_at(self) -> float:
        """When another connection to the engine that listens is to be opened."""
        line = self.active
        if line is None or line.doubt is None or self.spare is not None:
            return inf
        return self._spare_from

    @property
    def is_behind_word(self) -> bool:
        """Whether what is not settled begins where a final ended by itself, with a word."""
        return self._progress.word_end == self.settled

    def _unsettled(self, line: Line) -> float:
        """Seconds that a line was sent and are not settled, from the first word that is shown."""
        start = self._progress.shown_from
        begins = self.settled if start is None else max(start, self.settled)
        return given_since(line, begins) / self.rate

    def _looks_at(self, now: float) -> float:
        """When to look whether a final is to be asked for; never where connections last.

        What is open when one is lost has to be heard again from its beginning, and would be so for
        ever where that is longer than a connection lives.
        """
        line = self.active
        if line is None or not self.rungs[line.rung].streaming:
            return inf
        if not self._tries[line.rung].is_short_lived:
            return inf
        soonest = now + GLANCE if line.sent == line.asked_to else now
        return max(line.look_at, soonest, now + ENOUGH - self._unsettled(line))

    def deadline(self, now: float) -> float | None:
        """When ``tick`` has something to do, monotonic; None while only events change that."""
        times = [
            max(self._tries[rung].at, self._allowed_from(rung, now)) for rung in self._askable()
        ]
        for line in self.opening:
            if line.opened_at is None:
                continue
            if self.active is None and self._waits_for_onset(line, now):
                continue  # it is looked at when that is found out, or takes too long
            if self._waits_for_quicker(line, now) or self._waits_for_steadier(line, now):
                times.append(now + 0.1)
            elif line.rung < self._best:
                healthy = line.opened_at + self._healthy(line.rung)
                late = healthy + self.patience.boundary
                times.append(late if now >= healthy and self._progress.words_open else healthy)
        spared = self.spare is not None and self.spare.begun  # no audio goes to it by itself
        if spared or any(line.sent < self.received for line in self._fed):
            times.append(now + 0.04)
        if self.active is not None and not self.active.lasted:
            times.append(self.active.fed_at + self.patience.stable)
        times += [self._forgives_at, self._sought_until if now < self._sought_until else inf]
        times += [self._worries_at, self._settles_at, self._looks_at(now), self._spares_at]
        times = [at for at in times if at != inf]
        return min(times, default=None)

    @property
    def _is_behind(self) -> bool:
        """Whether so much has no final that an engine of limited pace would hear it too late."""
        return self.received - self.settled > self.patience.replay * self.rate / 2

    def _stands_in(self, rung: int) -> bool:
        """Whether an engine only stands in: no live text is given up for one that answers late."""
        return rung > 0 and not self.rungs[rung].streaming

    def _is_quick(self, rung: int) -> bool:
        """Whether an engine takes what was kept as fast as it comes, and can be asked."""
        tries = self._tries[rung]
        return self.rungs[rung].pace == LIVE and self.rungs[rung].streaming and not tries.refused

    def _waits_for_quicker(self, line: Line, now: float) -> bool:
        """Whether audio would become a gap that a quicker engine can still hear."""
        if self._is_quick(line.rung):
            return False
        if self.active is not None:
            behind = self.received - self.settled > self.patience.replay * self.rate
            return behind and self._is_quick(self.active.rung)
        soon = (one for one in self.opening if now - one.asked_at < self.patience.opening)
        return self._is_behind and any(self._is_quick(one.rung) for one in soon)

    def _healthy(self, rung: int) -> float:
        """How long a better engine must be connected before it is handed the leg."""
        patience = self.patience
        return patience.stable if self._tries[rung].is_short_lived else patience.healthy

    def _waits_for_steadier(self, line: Line, now: float) -> bool:
        """Whether an engine falls again and again, and another one will soon hear the leg.

        Sentence by sentence would be lost, and heard again late, as long as it does.
        """
        if self.active is not None or not self._tries[line.rung].is_short_lived:
            return False
        since = now if self._away_since is None else self._away_since
        if now - since >= self.patience.opening:
            return False
        asked = {one.rung: one for one in self.opening}
        for rung in range(line.rung + 1, len(self.rungs)):
            if self._is_quick(rung) and not self._tries[rung].is_short_lived:
                ready = rung in asked and asked[rung].waits is None
                if ready or (rung not in asked and self._tries[rung].at <= now):
                    return True
        return False

    def _waits_for_onset(self, line: Line, now: float) -> bool:
        """Whether it will soon be known how much silence need not be sent again."""
        return now < self._sought_until and self.rungs[line.rung].pace != LIVE

    def _allowed_from(self, rung: int, now: float) -> float:
        """From when on an engine may be asked: further down when those above have had a while."""
        if self.active is not None:
            return now
        fall = any(self._tries[other].is_short_lived for other in range(rung))
        if self._is_quick(rung) and (self._is_behind or fall):
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
                    return inf  # it is asked first
            start = max(start, since + wait)
        return start

    @property
    def _best(self) -> int:
        """Only engines before this one are of use."""
        return len(self.rungs) if self.active is None else self.active.rung

    def _askable(self) -> Iterator[int]:
        """The engines that may be asked, now or later: those before the one that listens."""
        busy = {line.rung for line in self.opening}
        for rung in range(self._best):
            refused = self._tries[rung].refused is not None
            late = self.active is not None and self._stands_in(rung)
            if not (refused or rung in busy or late):
                yield rung
