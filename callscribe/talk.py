"""How a call goes: who speaks how much, at once, not at all. Computed live, final by final.

Core: no I/O; may import ``coverage``, ``events`` and ``floor``. All times are float seconds on
the call clock.

Speech is where words are: the words of a speaker, joined over pauses up to ``floor.JOINT``
(0.5 s). An utterance whose engine gives no word times is speech from its start to its end. What is
marked as a leak, or was taken back, counts for nothing. ``Talk.to_dict``:

For each of the ``speakers``, in the order in which they came, by name:

=====================  ===========================================================================
``talk_seconds``       seconds of speech
``talk_ratio``         their share of everybody's seconds of speech, 0 to 1
``words``              words, as written between spaces
``words_per_minute``   words for a minute of own speech; 0 without speech
``longest_monologue``  seconds of the longest stretch in which this speaker alone has the floor:
                       with pauses up to 2 s, and whatever others say for up to 1 s at a time
``interruptions``      how often this speaker began to speak, for more than 1 s, while another had
                       spoken for 0.5 s and went on for 0.5 s
=====================  ===========================================================================

For the call:

=====================  ===========================================================================
``talk_over_seconds``  seconds in which two or more speak at once
``dead_air_seconds``   seconds of all silences longer than 2 s between the first word and the last;
                       what nobody heard is not silence
``longest_dead_air``   seconds of the longest of them
``unheard_seconds``    seconds in which a leg was not heard
``coverage_percent``   how much of all legs' audio was heard, in percent, never rounded up
=====================  ===========================================================================
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from callscribe.coverage import Coverage
from callscribe.events import (
    Event,
    FinalResult,
    Gap,
    GapRepaired,
    LegEnded,
    LegStarted,
    RolesSwapped,
)
from callscribe.floor import JOINT, UNHEARD, Sweep

MARK: Final = 16
"""Stretches between two states of the sweep that are kept to go back to."""

_Stretch = tuple[float, float, int]
"""Start, end and the speaker's line."""


@dataclass(frozen=True, slots=True)
class _Said:
    line: int
    words: int
    stretches: tuple[_Stretch, ...]


class Talk:
    """The figures of one call.

    They are a function of what stands in the transcript now, not of the order in which it came. A
    final costs as much as what has been said since it began; only a late repair costs more.
    """

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._said: dict[str, _Said] = {}
        self._words: list[int] = []
        self._stretches: list[_Stretch] = []
        self._marks = [Sweep()]
        """The sweep before every ``MARK``-th stretch, as far as it has come."""
        self._sweep = Sweep()
        self._swept = 0
        self._coverage = Coverage()

    def apply(self, event: Event) -> bool:
        """Takes any event of the session; true when it may have changed the figures."""
        if isinstance(event, FinalResult):
            self.add(event)
        elif isinstance(event, Gap):
            self.unheard(event)
        elif isinstance(event, GapRepaired):
            self.repaired(event.of_seq)
        elif isinstance(event, RolesSwapped):
            self.swap(*event.speakers)
        elif isinstance(event, LegStarted):
            self._coverage.begin(self._line(event.speaker), event.offset)
        elif isinstance(event, LegEnded):
            self._coverage.end(self._line(event.speaker), event.seconds)
        else:
            return False
        return True

    def received(self, speaker: str, until: float) -> None:
        """A speaker's audio has come up to ``until``."""
        self._coverage.reach(self._line(speaker), until)

    def add(self, final: FinalResult) -> None:
        """Takes an utterance as it stands now; a known id is replaced."""
        line = self._line(final.speaker)
        self._coverage.reach(line, final.end)
        words = 0
        stretches: tuple[_Stretch, ...] = ()
        if final.text.strip() and not final.leak_of:
            words = sum([_is_word(word) for word in final.text.split()])
            stretches = tuple((*pair, line) for pair in _stretches(final))
        old = self._said.pop(final.utterance_id, None)
        if old is not None:
            self._words[old.line] -= old.words
        self._words[line] += words
        if stretches or words:
            self._said[final.utterance_id] = _Said(line, words, stretches)
        self._replace(old.stretches if old else (), stretches)

    def unheard(self, gap: Gap) -> None:
        """Nobody heard a leg for a while."""
        if _is_stretch(gap.start, gap.end):
            line = self._line(gap.speaker)
            self._coverage.reach(line, gap.end)
            self._coverage.miss(gap.seq, line, gap.start, gap.end)
            self._replace((), ((gap.start, gap.end, UNHEARD),))

    def repaired(self, seq: int) -> None:
        """A gap, named by the number of its event, was heard after all."""
        span = self._coverage.find(seq)
        if span is not None:
            self._replace(((*span, UNHEARD),), ())

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers in all that was said and will be said."""
        here, there = self._line(one), self._line(other)
        self._lines[one], self._lines[other] = there, here

    @property
    def coverage_percent(self) -> float:
        """How much of the audio was heard."""
        return self._coverage.percent

    def to_dict(self) -> dict[str, Any]:
        """The figures of what has been said so far, as the module says."""
        self._catch_up()
        totals = self._sweep.copy().finish(len(self._lines))
        everybody = sum(totals.talk)
        speakers = {
            name: {
                "talk_seconds": round(totals.talk[line], 3),
                "talk_ratio": round(totals.talk[line] / everybody, 4) if everybody else 0.0,
                "words": self._words[line],
                "words_per_minute": _per_minute(self._words[line], totals.talk[line]),
                "longest_monologue": round(totals.monologue[line], 3),
                "interruptions": totals.interruptions[line],
            }
            for name, line in sorted(self._lines.items(), key=lambda item: item[1])
        }
        return {
            "speakers": speakers,
            "talk_over_seconds": round(totals.talk_over, 3),
            "dead_air_seconds": round(totals.dead_air, 3),
            "longest_dead_air": round(totals.longest_dead_air, 3),
            "unheard_seconds": round(totals.unheard, 3),
            "coverage_percent": self._coverage.percent,
        }

    def _line(self, speaker: str) -> int:
        line = self._lines.setdefault(speaker, len(self._lines))
        if line == len(self._words):
            self._words.append(0)
        return line

    def _replace(self, old: Sequence[_Stretch], new: Sequence[_Stretch]) -> None:
        """Takes stretches out and puts others in; the sweep goes back to the first of them."""
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        first = self._swept
        for stretch in old[same:]:
            index = bisect_left(self._stretches, stretch)
            del self._stretches[index]
            first = min(first, index)
        for stretch in new[same:]:
            first = min(first, bisect_left(self._stretches, stretch))
            insort(self._stretches, stretch)
        if first < self._swept:
            kept = first // MARK
            del self._marks[kept + 1 :]
            self._sweep, self._swept = self._marks[kept].copy(), kept * MARK

    def _catch_up(self) -> None:
        while self._swept < len(self._stretches):
            self._sweep.feed(*self._stretches[self._swept])
            self._swept += 1
            if self._swept % MARK == 0 and self._swept // MARK == len(self._marks):
                self._marks.append(self._sweep.copy())


def _stretches(final: FinalResult) -> list[tuple[float, float]]:
    """Where an utterance is speech."""
    pairs = [(word.start, word.end) for word in final.words] or [(final.start, final.end)]
    pairs = sorted([pair for pair in pairs if _is_stretch(*pair)])
    joined: list[tuple[float, float]] = []
    if not pairs:
        return joined
    first, last = pairs[0]
    for start, end in pairs:
        if start > last + JOINT:
            joined.append((first, last))
            first = start
            last = end
        elif end > last:
            last = end
    joined.append((first, last))
    return joined


def _is_stretch(start: float, end: float) -> bool:
    return -inf < start < end < inf


def _is_word(text: str) -> bool:
    """Whether it is more than marks; most are known by their first letter."""
    return text[0].isalnum() or any(map(str.isalnum, text))


def _per_minute(words: int, seconds: float) -> float:
    return round(words * 60 / seconds, 1) if seconds else 0.0
