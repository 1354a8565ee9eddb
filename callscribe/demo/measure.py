"""How far a live transcript stands behind the speech, and how right it is. Pure: no I/O, no clock.

A word's lag is the time from the moment its last sample was sent to the moment the word stood
there: first as an interim word, then for good. May import ``events``, ``wer``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callscribe.events import FinalResult, InterimResult, LegStarted
from callscribe.wer import WordErrors, normalize, word_errors

NEAR = 0.8
"""Two sightings are the same word if their ends differ by less than this (s)."""

WORST_RATE = 0.6
"""The word error rate from which a leg counts as not transcribed."""

LEAST_RECALL = 0.5
"""The share of a leg's words that has to be there."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    text: str
    end: float
    at: float


@dataclass(slots=True)
class _Leg:
    began: float | None = None
    offset: float | None = None
    """Where the latest leg of the speaker begins on the call clock (s)."""
    seen: list[_Sighting] = field(default_factory=list)
    finals: dict[str, tuple[list[_Sighting], float]] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)


LATE = ("revision", "heard_again", "repairs")
"""What an event has that corrects words or brings them late: it tells nothing of how far behind the
text is."""


@dataclass(frozen=True, slots=True)
class LegReport:
    """What was measured on a leg; lags in seconds, one for each word and for each utterance."""

    speaker: str
    interim_lags: tuple[float, ...]
    final_lags: tuple[float, ...]
    errors: WordErrors

    @property
    def trouble(self) -> str:
        """Why this leg counts as not transcribed; empty if it does."""
        if self.errors.recall < LEAST_RECALL:
            return (
                f"only {self.errors.hits} of the {self.errors.words} words of {self.speaker} are "
                "in the transcript"
            )
        if self.errors.rate >= WORST_RATE:
            return f"{self.errors.rate:.0%} of the words of {self.speaker} are wrong"
        return ""


class LiveMeasure:
    """Takes what was sent and what came back; times are seconds on one monotonic clock.

    ``speed`` is how fast the audio is played, 1.0 as it was spoken.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._legs: dict[str, _Leg] = {}

    def begin(self, speaker: str, at: float) -> None:
        """The first sample of the speaker's first leg is spoken ``at`` this moment."""
        leg = self._leg(speaker)
        leg.began = at if leg.began is None else leg.began

    def apply(self, event: Mapping[str, Any], at: float) -> float | None:
        """Takes an event (JSON form) that came ``at`` this moment; the lag of its last word."""
        kind = event.get("type")
        if kind == LegStarted.type:
            leg, offset = self._leg(event["speaker"]), event["offset"]
            if leg.offset is not None and leg.began is not None:
                leg.began += offset - leg.offset  # the server was away, and the leg begins anew
            leg.offset = offset
        if kind not in (InterimResult.type, FinalResult.type):
            return None
        leg = self._leg(event["speaker"])
        if any(event.get(name) for name in LATE):
            leg.text[event["utterance_id"]] = event["text"]
            return None
        seen = [
            _Sighting(" ".join(normalize(word["text"])), word["end"], at) for word in event["words"]
        ]
        leg.seen.extend(seen)
        if kind == FinalResult.type:
            leg.finals[event["utterance_id"]] = (seen, at)
            leg.text[event["utterance_id"]] = event["text"]
        return at - self._when(leg, seen[-1].end) if seen else None

    def report(self, speaker: str, reference: str) -> LegReport:
        """All that was measured on a leg on which ``reference`` was spoken."""
        leg = self._leg(speaker)
        interim: list[float] = []
        final: list[float] = []
        for words, at in leg.finals.values():
            if words:
                final.append(at - self._when(leg, words[-1].end))
            interim.extend(self._first(leg, word) - self._when(leg, word.end) for word in words)
        errors = word_errors(reference, " ".join(leg.text.values()))
        return LegReport(speaker, tuple(interim), tuple(final), errors)

    def _leg(self, speaker: str) -> _Leg:
        return self._legs.setdefault(speaker, _Leg())

    def _when(self, leg: _Leg, time: float) -> float:
        """The moment at which the sample at ``time`` of the call clock was sent."""
        return (leg.began or 0.0) + (time - (leg.offset or 0.0)) / self._speed

    @staticmethod
    def _first(leg: _Leg, word: _Sighting) -> float:
        """When a word stood there for the first time, as an interim word or as a final one."""
        return min(
            other.at
            for other in leg.seen
            if other.text == word.text and abs(other.end - word.end) < NEAR
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie; NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
