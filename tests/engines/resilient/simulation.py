"""Recognisers, networks and speech in virtual time, to drive the core of the resilient engine.

A word is said every 0.4 s and lasts 0.3 s; its text is its number. What a recogniser makes of the
audio that it is given is known, so that every word can be accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from callscribe.engines.base import EngineEvent, Repaired, Silent, Unheard
from callscribe.engines.resilient.actions import Action, Drop, Finalize, Line, Open, Tell
from callscribe.engines.resilient.core import Core
from callscribe.engines.resilient.progress import Progress
from callscribe.engines.resilient.repair import MARGIN, Repair, Repairs
from callscribe.engines.resilient.rules import LIVE, Patience, Rung
from callscribe.errors import UpstreamError
from callscribe.transcript import Result, Word

RATE = 1000
PERIOD, LENGTH = 400, 300
UNSAID: frozenset[int] = frozenset()
"""Which of twelve words are not said: somebody pauses."""


def words_between(start: int, end: int) -> list[int]:
    """The numbers of the words whose middle lies there (samples)."""
    return [k for k in range(start // PERIOD, end // PERIOD + 1)
            if start <= k * PERIOD + LENGTH // 2 < end and k % 12 not in UNSAID]  # fmt: skip


def quiet(near: int, low: int, high: int) -> int:
    """Where it is quiet near a sample: between two words, if that is allowed."""
    middle = (LENGTH + PERIOD) // 2
    places = [k * PERIOD + middle for k in range(low // PERIOD - 1, high // PERIOD + 1)]
    allowed = [at for at in places if low <= at <= high]
    return min(allowed, key=lambda at: abs(at - near), default=near)


def rung(name: str, pace: float = LIVE, provider: str = "") -> Rung:
    return Rung(None, name, pace, provider)  # type: ignore[arg-type] - the core asks no engine


FIRST, SECOND = rung("first", 1.25), rung("second")


def word(number: int, before: int = 0) -> Word:
    start = number * PERIOD - before
    return Word(str(number), start / RATE, (start + LENGTH) / RATE, 0.9)


@dataclass
class Ear:
    """The samples of the leg that a connection was given: stretches, by its own clock."""

    stretches: list[tuple[int, int, int]] = field(default_factory=list)
    """Its own sample, the leg's, and how many."""

    @property
    def heard(self) -> int:
        own, _, many = self.stretches[-1] if self.stretches else (0, 0, 0)
        return own + many

    def give(self, start: int, end: int) -> None:
        own = self.heard
        if self.stretches and self.stretches[-1][1] + self.stretches[-1][2] == start:
            own, start, _ = self.stretches.pop()
        self.stretches.append((own, start, end - start))

    def words(self, start: int, end: int) -> list[Word]:
        """The words between two samples of its own."""
        found = []
        for own, leg, many in self.stretches:
            low, high = max(start, own), min(end, own + many)
            shift = leg - own
            found += [word(k, shift) for k in words_between(low + shift, high + shift)]
        return found


@dataclass
class Recogniser:
    """What is at the other end of a line; times are its own."""

    line: Line
    ear: Ear = field(default_factory=Ear)
    final_to: int = 0

    @property
    def heard(self) -> int:
        return self.ear.heard

    def result(
        self, until: int, *, is_final: bool, speech_final: bool, again: int = 0, beyond: int = 0
    ) -> Result:
        """What it says about the audio from its last final to ``until``.

        It may say ``again`` what it said so many samples before, and claim to have heard so many
        ``beyond`` what it was given.
        """
        start = self.final_to
        words = tuple(self.ear.words(max(start - again, 0), until))
        start = words[0].start if words else start / RATE
        end = words[-1].end if words else until / RATE
        text = " ".join(word.text for word in words)
        result = Result(
            text, start, end, is_final, speech_final, words, until=(until + beyond) / RATE
        )
        if is_final:
            self.final_to = until
        return result


@dataclass
class Simulation:
    """A leg, its core, and what was told."""

    core: Core
    repairs: Repairs
    repair: Repair | None = None
    """What is being heard again."""
    now: float = 0.0
    told: list[EngineEvent] = field(default_factory=list)
    asked: list[Line] = field(default_factory=list)
    """Lines that are being opened."""
    finals_asked: list[Line] = field(default_factory=list)
    """Lines that were asked for a final and have not answered."""
    lines: dict[Line, Recogniser] = field(default_factory=dict)
    most_open: int = 0
    covered: int = 0
    """Where what is final, or said to be a gap, ends by what was told."""
    gaps: list[Unheard] = field(default_factory=list)
    repaired: list[Repaired] = field(default_factory=list)
    most_kept: int = 0
    shown: int = 0
    """Interims that went the short way."""

    def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Open):
                self.asked.append(action.line)
            elif isinstance(action, Finalize):
                assert action.line is self.core.active
                self.finals_asked.append(action.line)
            elif isinstance(action, Drop):
                self._part(action.line)
                if action.line in self.asked:
                    self.asked.remove(action.line)
            elif isinstance(action, Tell):
                self._tell(action.event)
        self.most_open = max(self.most_open, len(self.lines) + len(self.asked))
        self.most_kept = max(self.most_kept, self.core.received - self.core.settled)
        self._forget()

    def _part(self, line: Line) -> None:
        self.lines.pop(line, None)
        self.finals_asked = [other for other in self.finals_asked if other is not line]

    def _forget(self) -> None:
        """Lets go of audio, as whoever keeps it does."""
        settled, needed = self.core.needed_from - int(MARGIN * RATE), self.repairs.first
        oldest = self.core.received - int(self.core.patience.kept * RATE)
        keep = settled if needed is None else min(needed, settled)
        self.core.kept_from = max(self.core.kept_from, keep, oldest)
        self.repairs.forget(self.core.kept_from)

    def _tell(self, event: EngineEvent) -> None:
        self.told.append(event)
        if isinstance(event, Unheard):
            start = round(event.start * RATE)
            before = self.core_settled_before
            assert start >= before, "a gap begins where coverage ended"
            assert not words_between(before, start), "or behind silence"
            self.gaps.append(event)
            self.repairs.add(event.start, event.end)
        if isinstance(event, Repaired):
            self.repaired.append(event)
        self.core_settled_before = self.core.settled

    core_settled_before: int = 0

    def pass_time(self, seconds: float) -> None:
        """Time goes on; what it makes due is done."""
        self.now += seconds
        self.do(self.core.tick(self.now))
        while (due := self.core.due(self.now)) is not None:
            self.feed(*due)

    def feed(self, line: Line, start: int, end: int) -> None:
        """A line was sent kept audio."""
        assert start >= self.core.kept_from, "that was let go"
        if line in self.lines:
            self.lines[line].ear.give(start, end)
        self.core.fed(line, end)

    def speak(self, samples: int) -> None:
        line = self.core.audio(samples)
        self._forget()
        if line is not None and line in self.lines:
            self.lines[line].ear.give(line.sent - samples, line.sent)

    def open(self, line: Line) -> None:
        self.asked.remove(line)
        self.lines[line] = Recogniser(line)
        self.do(self.core.opened(line, self.now))

    def fail(self, line: Line, *, retryable: bool = True) -> None:
        self._part(line)
        if line in self.asked:
            self.asked.remove(line)
        error = UpstreamError("it broke", code="deepgram_closed", retryable=retryable)
        self.do(self.core.failed(line, error, self.now))

    def say(self, line: Line, event: EngineEvent) -> None:
        if isinstance(event, Result) and not event.is_final:
            self.do(self._shown_or_heard(line, event))
        else:
            self.do(self.core.heard(line, event, self.now))
        self.core_settled_before = self.core.settled

    def _shown_or_heard(self, line: Line, result: Result) -> list[Action]:
        """What ``heard`` makes of an interim; the short way is to make the same of it."""
        core, state = self.core, self._state()
        shown = core.shown(line, result)
        after = self._state()
        assert shown or after == state, "the long way has it all to do"
        core._progress, core._alone_since = state
        actions = core.heard(line, result, self.now)
        if shown is not None:
            assert actions == [Tell(shown)]
            assert self._state() == after
            self.shown += 1
        return actions

    def _state(self) -> tuple[Progress, float | None]:
        return replace(self.core._progress), self.core._alone_since

    def answer(self, line: Line) -> None:
        """A line gives the final that it was asked for, if there is anything to say."""
        self.finals_asked.remove(line)
        hearing = self.lines[line]
        if hearing.heard > hearing.final_to:
            self.say(line, hearing.result(hearing.heard, is_final=True, speech_final=True))

    def begin_repair(self) -> None:
        self.repair = self.repair or self.repairs.due(self.now)

    def end_repair(self, *, again: int = 0, pieces: int = 1) -> None:
        """A gap was heard after all, as so many finals; each may say ``again`` what was before."""
        assert self.repair is not None
        first, last = self.repairs.span(self.repair, self.core.received)
        edges = [first + (last - first) * n // pieces for n in range(pieces + 1)]
        found = []
        for low, high in zip(edges, edges[1:], strict=False):
            words = tuple(word(k) for k in words_between(max(low - again, first), high))
            text = " ".join(one.text for one in words)
            start, end = low / RATE, high / RATE
            if words:
                start, end = words[0].start, words[-1].end
            found.append(Result(text, start, end, True, True, words))
        hole, heard = self.repair.hole, self.repairs.heard(self.repair, found)
        self.repair = None
        if heard is not None:
            self._tell(Repaired(hole.start / RATE, hole.end / RATE, heard))
        self._forget()

    def fail_repair(self, how: str) -> None:
        assert self.repair is not None
        if how == "baffled":
            self.repairs.baffled(self.repair)
        else:
            error = UpstreamError("it broke", code="x", retryable=how == "away")
            self.repairs.failed(self.repair, error, self.now)
        self.repair = None

    @property
    def left(self) -> list[tuple[int, int]]:
        """The gaps that have not been repaired, in samples, in order."""
        left = [(round(gap.start * RATE), round(gap.end * RATE)) for gap in self.gaps]
        for one in self.repaired:
            start, end = round(one.start * RATE), round(one.end * RATE)
            (whole,) = [gap for gap in left if gap[0] <= start and end <= gap[1]]
            left.remove(whole)
            left += [part for part in ((whole[0], start), (end, whole[1])) if part[0] < part[1]]
        return sorted(left)

    @property
    def said(self) -> list[str]:
        """The words that are final, those of repairs last."""
        finals = [*self.finals, *(final for one in self.repaired for final in one.results)]
        return [word.text for final in finals for word in final.words]

    @property
    def finals(self) -> list[Result]:
        return [e for e in self.told if isinstance(e, Result) and e.is_final]

    def check(self) -> None:
        """Every word is in one final, in one repair or in one gap; finals and gaps are in order."""
        live = [word.text for final in self.finals for word in final.words]
        assert live == sorted(set(live), key=int), "doubled, or out of order"
        for final in self.finals:
            for one in final.words:
                assert abs(one.start - int(one.text) * PERIOD / RATE) < 1e-6, "moved"
            assert not final.words or abs(final.end - final.words[-1].end) < 1e-6
        said = self.said
        assert len(said) == len(set(said)), "doubled by a repair"
        in_gaps = [str(k) for start, end in self.left for k in words_between(start, end)]
        assert len(in_gaps) == len(set(in_gaps))
        everything = {str(k) for k in words_between(0, self.core.settled)}
        assert set(said) | set(in_gaps) == everything, "lost"
        assert not set(said) & set(in_gaps), "final, and said to be a gap"


def simulation(
    *rungs: Rung,
    jitter: float = 0.5,
    patience: Patience | None = None,
    repairers: Sequence[Rung] = (),
) -> Simulation:
    patience = patience or Patience()
    core = Core(rungs, RATE, patience, lambda: jitter, interims=False)
    found = Simulation(core, Repairs(repairers, RATE, patience, lambda: jitter))
    found.pass_time(0)
    return found


def final(sim: Simulation, *, speech_final: bool = True) -> None:
    line = sim.core.active
    assert line is not None
    hearing = sim.lines[line]
    sim.say(line, hearing.result(hearing.heard, is_final=True, speech_final=speech_final))


def talk(sim: Simulation, seconds: float) -> None:
    for _ in range(round(seconds / 0.1)):
        sim.speak(100)
        sim.pass_time(0.1)


def late(sim: Simulation, seconds: float) -> Line:
    """A line that has just been opened, and so much behind."""
    sim.fail(sim.core.active)
    sim.speak(int(seconds * RATE))
    while not sim.asked:
        sim.pass_time(0.1)
    sim.open(sim.asked[0])
    line = sim.core.active
    assert line is not None
    return line


def fall(sim: Simulation, times: int) -> None:
    """The first engine is lost so many times, three seconds after it was connected."""
    for _ in range(times):
        while not sim.asked:
            talk(sim, 0.1)
        sim.open(sim.asked[0])
        talk(sim, 3)
        if sim.core.active is not None and sim.core.active.rung == 0:
            sim.fail(sim.core.active)


def wait_for(sim: Simulation, *rungs: int) -> list[Line]:
    """Talks until these engines are being asked; their lines."""
    while not {*rungs} <= {line.rung for line in sim.asked}:
        talk(sim, 0.1)
    asked = {line.rung: line for line in sim.asked}
    return [asked[number] for number in rungs]


__all__ = ["Recogniser", "Silent", "Simulation"]
