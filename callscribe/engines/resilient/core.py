"""What to do when: one leg's way through outages, without sockets, tasks or a clock.

It is told what happened and when, and says what is to be done. Places are samples on the leg's own
clock; ``now`` is monotonic seconds. Every sample is covered once: by a final, or by a gap.

May import ``engines.base``, ``engines.lane``, ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from callscribe.engines.base import EngineEvent, Lost
from callscribe.engines.lane import Lane
from callscribe.engines.resilient.actions import Action, Drop, Finalize, Line, Open, Tell
from callscribe.engines.resilient.clip import delayed
from callscribe.engines.resilient.course import backlog, given_since, leave_out, on_leg, placed
from callscribe.engines.resilient.quiet import REACH
from callscribe.engines.resilient.rules import EVERY, GLANCE, LATEST, LIVE, blame_provider
from callscribe.engines.resilient.saying import SHOWN
from callscribe.engines.resilient.sparing import Sparing
from callscribe.engines.resilient.voices import LegVoices
from callscribe.errors import CallscribeError, CapacityError, EngineError
from callscribe.transcript import Result

BEHIND: Final = "the engine was away for too long"
DROPPED: Final = "it was too long to keep"
HEAD: Final = 0.25
"""Seconds of kept audio that a new connection gets at once: the longest frame that Deepgram's
documentation advises."""
SEEKING: Final = 0.3
"""Seconds that a hand-over waits at most for where somebody begins to speak."""
PIECE: Final = 0.02
"""Seconds of kept audio that are sent at a time, at least, unless it is the rest: sample by sample
there would always be something due, and nothing else would run."""


@dataclass(slots=True)
class Core(Sparing):
    """The state of one leg. Methods return what is to be done, in order."""

    lull: Callable[[int], bool] = lambda _end: False
    """Whether it is quiet just before a sample."""
    voices: LegVoices = field(default_factory=LegVoices)
    """Who of several people on this line is who."""

    # --- what happens -------------------------------------------------------------------------

    def audio(self, samples: int) -> Line | None:
        """Audio came; the line to which it can be sent at once, None where it has to wait."""
        line = self.active
        before = self._progress.received
        self._progress.received = before + samples
        if line is None or line.sent != before:
            return None
        line.sent = before + samples
        return line

    @property
    def lane(self) -> Lane | None:
        """How audio gets to who listens, past everything here; None where there is more to do."""
        line = self.active
        return line.lane if line is not None and line.sent == self._progress.received else None

    def opened(self, line: Line, now: float) -> list[Action]:
        """A connection is open."""
        if line not in self.opening and line is not self.spare:
            return [Drop(line)]
        line.opened_at = now
        return self.tick(now)

    def waits(self, line: Line, error: CapacityError, now: float) -> list[Action]:
        """An engine is full: the line has its place in the queue there, and others are asked."""
        if line is self.spare:  # there are those who need it more
            self.spare = None
            return [Drop(line)]
        if line not in self.opening:
            return []
        line.waits = error
        if self.active is None or line.rung < self.active.rung:
            self._error = error
        return self.tick(now)

    def failed(self, line: Line, error: CallscribeError, now: float) -> list[Action]:
        """A connection could not be opened, or has ended by itself."""
        if line is self.spare:
            self.spare = None
            return []
        spare: Line | None = None
        settled = 0.0
        lived = None if line.opened_at is None else now - line.opened_at
        if line is self.active:
            lived = now - line.fed_at  # to wait open, and without audio, is no proof
            settled = (line.given - given_since(line, self.settled)) / self.rate
            self._told_late = self._told_late and line.sent < self.received
            self.active = None
            self._away_since = now
            if error.retryable:
                spare, self.spare = self.spare, None
                self.opening += [] if spare is None else [spare]
        elif line in self.opening:
            self.opening.remove(line)
        else:
            return []
        if lived is not None:
            self._tries[line.rung].ended(lived, settled)
        self._tries[line.rung].failed(error, now)
        blame_provider(self.rungs, self._tries, line.rung)
        if self.active is None or line.rung < self.active.rung:
            self._error = error
        return self._follow(spare, now) + self.tick(now)

    def heard(self, line: Line, event: EngineEvent, now: float) -> list[Action]:
        """An engine says something about the leg."""
        if line is self.active and type(event) is Result:  # nearly always
            news = self._progress.result(self._on_leg(event, line), line.sent)
            return [*self._is_heard(), *map(Tell, news)]
        taken = self._replace_silent(now) if self._spare_answers(line, event) else []
        if line is not self.active or isinstance(event, Lost):
            return taken
        if isinstance(event, Result):
            event = self._on_leg(event, line)
        else:
            event = on_leg(event, line, self.rate)
        # Silence is told by requests without one being made; only an answer tells that they are.
        answers = isinstance(event, Result) or self.rungs[line.rung].streaming
        news = self._progress.take(event, line.sent)
        return [*taken, *(self._is_heard() if answers else ()), *map(Tell, news)]

    def shown(self, line: Line, result: Result) -> Result | None:
        """What is to be told of an interim that leads to nothing else; None: it is for ``heard``.

        It is what that would make of it; nearly all lead to nothing else.
        """
        if (
            line is not self.active
            or line.rung != self._told_rung
            or self._alone_told
            or line.cuts
            or line.sent < self._progress.received
        ):
            return None
        if line.base:
            result = placed(result, line, self.rate)
        if not self._progress.shows(result):
            return None
        self._alone_since = None
        return self.voices.named(result, line)

    def _on_leg(self, result: Result, line: Line) -> Result:
        """A result on the leg's clock, with the leg's voices, as late as it is."""
        if line.cuts or line.base:
            result = placed(result, line, self.rate)
        result = self.voices.named(result, line)
        if line.cuts or line.sent < self._progress.received:
            result = delayed(result, backlog(result, line, self.received, self.rate))
        return result

    def doubted(self, line: Line, error: CallscribeError | None, now: float) -> list[Action]:
        """A connection may be dead, and would be given up for an error; or (none) is not."""
        self._doubt(line, error, now)
        return self.tick(now)

    def seek_onset(self, now: float) -> None:
        """It is being sought where somebody speaks first; the next engine is kept from it shortly.

        ``silent_to`` is to follow.
        """
        self._sought_until = now + SEEKING

    def silent_to(self, end: int) -> None:
        """Nobody speaks in what is not settled before ``end``, as far as is heard here."""
        self._silent_to = end
        self._sought_until = -inf

    def silent_between(self, line: Line, spans: Sequence[tuple[int, int]]) -> None:
        """Nobody speaks there, as far as is heard here: a line that is late need not hear it."""
        if line is not self.active:
            return
        # Whoever showed words there has heard some, which may end a little later than they say.
        first, last, near = self._progress.first_shown, self._progress.shown_to, SHOWN * self.rate
        before = 0 if first is None else first - int(near)
        behind = last + int(near) if last else 0
        parts = [part for a, b in spans for part in ((a, min(b, before)), (max(a, behind), b))]
        parts = [(a, b) for a, b in parts if max(a, line.sent) < b]
        line.pauses = sorted([*line.pauses, *parts])

    def completed(self, line: Line) -> list[Action]:
        """A connection has been closed in good order: what it did not write down was silence."""
        if line is self.active:
            self.active = None
            self._progress.settled = self.received
        return []

    def give_up(self) -> list[Action]:
        """Nobody will listen any more: what was not heard is said."""
        actions: list[Action] = [Drop(line) for line in self.opening]
        self.opening.clear()
        if self.spare is not None:
            actions.append(Drop(self.spare))
            self.spare = None
        if self.active is not None:
            actions.append(Drop(self.active))
            self.active = None
        error = self._error or EngineError("no engine listened to the end")
        return actions + [Tell(gap) for gap in self._progress.gap(self.received, error.message)]

    # --- what is to be done -------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Does what time has made due."""
        actions: list[Action] = []
        self._note_lasting(now)
        if self._settles_at <= now:
            actions += self._is_heard()
        if self.active is None and self._away_since is None:
            self._away_since = now
        if self.active is None and self._alone_since is None:
            self._alone_since = now
        if self._forgives_at <= now:
            for tries in self._tries:
                tries.forgive()
        actions += self._hand_over(now)
        actions += self._keep_ready(now)
        actions += self._ask_for_final(now)
        return actions + self._try(now) + self._despair(now) + self._worry(now) + self._say_late()

    def due(self, now: float) -> tuple[Line, int, int] | None:
        """The kept audio that is to be sent now: to whom, from where, to where; then ``fed``.

        Pauses to which a line has come are passed over by asking.
        """
        return next(filter(None, (self._due(line, now) for line in self._fed)), None)

    def _due(self, line: Line, now: float) -> tuple[Line, int, int] | None:
        if line.sent >= self.received:
            return None
        leave_out(line)
        pace = self.rungs[line.rung].pace
        end = self.received
        if pace != LIVE:
            seconds = HEAD + (now - line.fed_at) * pace
            end = min(end, line.base + line.left_out + int(seconds * self.rate))
            if end < self.received and end - line.sent < PIECE * self.rate:
                return None
            if line.pauses:
                end = min(end, line.pauses[0][0])
        return (line, line.sent, end) if end > line.sent else None

    def fed(self, line: Line, end: int) -> None:
        """The kept audio before ``end`` was sent."""
        line.sent = end

    # --- inside -------------------------------------------------------------------------------

    def _note_lasting(self, now: float) -> None:
        line = self.active
        if line is not None and not line.lasted and now - line.fed_at >= self.patience.stable:
            line.lasted = True
            self._tries[line.rung].lasted()

    def _ask_for_final(self, now: float) -> list[Action]:
        """Asks for a final where the connection may not live until there is one by itself."""
        line = self.active
        if line is None or self._looks_at(now) > now:
            return []
        # Before words are shown an answer could settle the beginning of one.
        wordless = self.interims and self._progress.shown_from is None
        late = self._unsettled(line) >= LATEST
        due = late and not wordless
        if not due and (late or not wordless):
            due = self.lull(line.sent)
        if not due:
            line.look_at = now + GLANCE
            return []
        line.asked_to, line.look_at = line.sent, now + EVERY
        return [Finalize(line)]

    def _try(self, now: float) -> list[Action]:
        """Opens what may be opened: better engines than the one that listens, in their order."""
        actions: list[Action] = []
        for rung in list(self._askable()):
            if now < self._tries[rung].at or now < self._allowed_from(rung, now):
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
        if self.active is None:
            quick = [line for line in ready if self._is_behind and self._is_quick(line.rung)]
            steady = [line for line in ready if not self._waits_for_steadier(line, now)]
            if len(steady) < len(ready):  # nor do requests come before who is waited for
                steady = [line for line in steady if not self._stands_in(line.rung)]
            ready = quick or steady or ready
        line = min(ready, key=lambda one: one.rung)
        assert line.opened_at is not None  # noqa: S101 - only such are ready
        if self.active is not None:
            if line.rung >= self.active.rung:
                self.opening.remove(line)
                return [Drop(line)]
            waited = now - line.opened_at - self._healthy(line.rung)
            if self._waits_for_quicker(line, now):
                return []
            if waited < 0 or (self._progress.words_open and waited < self.patience.boundary):
                return []
        elif (
            self._waits_for_quicker(line, now)
            or self._waits_for_steadier(line, now)
            or self._waits_for_onset(line, now)
        ):
            return []
        return self._switch(line, now)

    def _replace_silent(self, now: float) -> list[Action]:
        """Gives the leg to the spare, which has answered where who has it does not."""
        silent = self.active
        assert silent is not None and silent.doubt is not None  # noqa: S101, PT018 - else none is
        return [Drop(silent), *self.failed(silent, silent.doubt, now)]

    def _follow(self, spare: Line | None, now: float) -> list[Action]:
        """Gives the leg to who hears it already, if it may have it at once."""
        if spare is None or not spare.begun:
            return []
        if not spare.proven and self._waits_for_steadier(spare, now):
            self.opening.remove(spare)
            return [Drop(spare)]
        return self._switch(spare, now)

    def _switch(self, line: Line, now: float) -> list[Action]:
        actions: list[Action] = []
        if self.active is not None:
            actions.append(Drop(self.active))
            self._told_late = True  # who hands the leg over has had the text
        self.opening.remove(line)
        useless = [o for o in self.opening if o.rung > line.rung or self._stands_in(o.rung)]
        for other in useless:
            self.opening.remove(other)
            actions.append(Drop(other))
        if not line.begun:
            if self.rungs[line.rung].pace != LIVE:
                self._pass_over_silence()
            actions += map(Tell, self._missed(line.rung))
            line.begin(self.settled, now)
        self._progress.settled = max(self.settled, line.base)
        self._progress.tell_again()
        if line.speech is not None and self._progress.speech_at < self.settled:
            actions += map(Tell, self._progress.take(line.speech, line.sent))
        self.active = line
        self._away_since = None
        # Who does not answer yet, or did not a moment ago, may still be of no use.
        waits = line.rung > 0 and not self.rungs[line.rung].streaming
        waits = waits or (self._alone_told and self._told_rung != -1)
        return actions if waits else actions + self._say_who()

    def _missed(self, rung: int) -> list[EngineEvent]:
        """What an engine that gets the leg now will not hear. No word is cut where that ends."""
        reach = int(REACH * self.rate)
        gaps: list[EngineEvent] = []
        if self.kept_from > self.settled:
            end = min(self.kept_from + reach, self.received)
            gaps += self._progress.gap(self.quiet(self.kept_from, self.kept_from, end), DROPPED)
        oldest = self.received - int(self.patience.replay * self.rate)
        if oldest > self.settled and not self._is_quick(rung):
            self._pass_over_silence()  # nothing was missed there
        if oldest > self.settled and not self._is_quick(rung):
            start, end = max(oldest - reach, self.settled), min(oldest + reach, self.received)
            gaps += self._progress.gap(self.quiet(oldest, start, end), BEHIND)
        return gaps
