"""Recognisers, networks and speech in virtual time, to drive the core of the resilient engine.

A word is said every 0.4 s and lasts 0.3 s; its text is its number. What a recogniser makes of the
audio that it is given is known, so that every word can be accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from callscribe.engines.base import EngineEvent, Silent, Unheard
from callscribe.engines.resilient.actions import Action, Drop, Line, Open, Tell
from callscribe.engines.resilient.core import Core
from callscribe.errors import UpstreamError
from callscribe.transcript import Result, Word

RATE = 1000
PERIOD, LENGTH = 400, 300


def words_between(start: int, end: int) -> list[int]:
    """The numbers of the words whose middle lies there (samples)."""
    return [k for k in range(start // PERIOD, end // PERIOD + 1)
            if start <= k * PERIOD + LENGTH // 2 < end]  # fmt: skip


@dataclass
class Recogniser:
    """What is at the other end of a line; times are its own."""

    line: Line
    heard: int = 0
    final_to: int = 0

    def result(
        self, until: int, *, is_final: bool, speech_final: bool, again: int = 0, beyond: int = 0
    ) -> Result:
        """What it says about the audio from its last final to ``until``.

        It may say ``again`` what it said so many samples before, and claim to have heard so many
        ``beyond`` what it was given.
        """
        base = self.line.base
        start = self.final_to
        numbers = words_between(max(base + start - again, 0), base + until)
        words = tuple(
            Word(str(k), (k * PERIOD - base) / RATE, (k * PERIOD - base + LENGTH) / RATE, 0.9)
            for k in numbers
        )
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
    now: float = 0.0
    told: list[EngineEvent] = field(default_factory=list)
    asked: list[Line] = field(default_factory=list)
    """Lines that are being opened."""
    lines: dict[Line, Recogniser] = field(default_factory=dict)
    most_open: int = 0
    covered: int = 0
    """Where what is final, or said to be a gap, ends by what was told."""
    gaps: list[Unheard] = field(default_factory=list)
    most_kept: int = 0

    def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Open):
                self.asked.append(action.line)
            elif isinstance(action, Drop):
                self.lines.pop(action.line, None)
                if action.line in self.asked:
                    self.asked.remove(action.line)
            elif isinstance(action, Tell):
                self._tell(action.event)
        self.most_open = max(self.most_open, len(self.lines) + len(self.asked))
        self.most_kept = max(self.most_kept, self.core.received - self.core.settled)

    def _tell(self, event: EngineEvent) -> None:
        self.told.append(event)
        if isinstance(event, Unheard):
            start = round(event.start * RATE)
            assert start == self.core_settled_before, "a gap begins where coverage ended"
            self.gaps.append(event)
        self.core_settled_before = self.core.settled

    core_settled_before: int = 0

    def pass_time(self, seconds: float) -> None:
        """Time goes on; what it makes due is done."""
        self.now += seconds
        self.do(self.core.tick(self.now))
        while (due := self.core.due(self.now)) is not None:
            line, _, end = due
            self.core.fed(line, end)
            if line in self.lines:
                self.lines[line].heard = end - line.base

    def speak(self, samples: int) -> None:
        line = self.core.audio(samples)
        if line is not None and line in self.lines:
            self.lines[line].heard = line.sent - line.base

    def open(self, line: Line) -> None:
        self.asked.remove(line)
        self.lines[line] = Recogniser(line)
        self.do(self.core.opened(line, self.now))

    def fail(self, line: Line, *, retryable: bool = True) -> None:
        self.lines.pop(line, None)
        if line in self.asked:
            self.asked.remove(line)
        error = UpstreamError("it broke", code="deepgram_closed", retryable=retryable)
        self.do(self.core.failed(line, error, self.now))

    def say(self, line: Line, event: EngineEvent) -> None:
        self.do(self.core.heard(line, event))
        self.core_settled_before = self.core.settled

    @property
    def finals(self) -> list[Result]:
        return [e for e in self.told if isinstance(e, Result) and e.is_final]

    def check(self) -> None:
        """Every word is in one final, or in one gap; finals and gaps are in order."""
        said = [word.text for final in self.finals for word in final.words]
        assert said == sorted(set(said), key=int), "doubled, or out of order"
        in_gaps = [
            str(k)
            for gap in self.gaps
            for k in words_between(round(gap.start * RATE), round(gap.end * RATE))
        ]
        assert len(in_gaps) == len(set(in_gaps))
        everything = {str(k) for k in words_between(0, self.core.settled)}
        assert set(said) | set(in_gaps) == everything, "lost"
        assert not set(said) & set(in_gaps), "final, and said to be a gap"


__all__ = ["Recogniser", "Silent", "Simulation"]
