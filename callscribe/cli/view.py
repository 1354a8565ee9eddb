"""What a terminal shows of a call: pure state, made of the session's events. No I/O.

May import ``events`` for the names of its types, ``notices`` and ``transcript`` for what is said of
gaps, and ``wer`` for what counts as the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from callscribe import events
from callscribe.events import FinalResult, InterimResult
from callscribe.notices import words_lost
from callscribe.transcript import Gap
from callscribe.wer import normalize


@dataclass(slots=True)
class Line:
    """An utterance as it stands: ``settled`` will not change, ``tail`` still may.

    ``start`` is in seconds on the call clock; ``lag`` (s) that of its latest words, where known;
    ``note`` how it came about, where that is not as usual.
    """

    utterance_id: str
    speaker: str
    start: float
    settled: str = ""
    tail: str = ""
    done: bool = False
    lag: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.settled} {self.tail}".strip()


class CallView:
    """The lines of a call and each speaker's latest lag."""

    def __init__(self, speakers: list[str]) -> None:
        self.speakers = list(speakers)
        self.lags: dict[str, float] = {}
        self.notices: list[str] = []
        self._gaps: dict[int, Gap] = {}
        """By the number of their events."""
        self._lines: dict[str, Line] = {}

    def apply(self, event: Mapping[str, Any], lag: float | None = None) -> Line | None:
        """Takes an event (its JSON form); gives the line that has just become final for good.

        A line that was final gives itself again where other words stand in it now.
        """
        kind = event.get("type")
        if kind == "notice":
            self.notices.append(event["message"])
        elif kind == events.Gap.type:
            gap = Gap(event["speaker"], event["start"], event["end"], event["reason"])
            if gap.is_coded:  # an engine's gaps have a notice that says the same
                said = words_lost(gap.speaker, gap.start, gap.end, gap.why)
                self.notices.append(said["message"])
            self._gaps[event["seq"]] = gap
        elif kind == events.GapRepaired.type:
            self._gaps.pop(event["of_seq"], None)
            self.notices.append(_heard_later(event))
        if kind not in (InterimResult.type, FinalResult.type):
            return None
        line = self._line(event)
        line.lag = lag
        if lag is not None and event["words"]:
            self.lags[line.speaker] = lag
        if kind == InterimResult.type:
            line.tail = _after(line.settled, event["text"])
            return None
        was_done, before = line.done, line.settled
        line.settled, line.tail = event["text"].strip(), ""
        line.done = bool(event["speech_final"])
        line.note = _note(event)
        if not line.settled:
            del self._lines[line.utterance_id]
            return None
        if was_done and normalize(before) == normalize(line.settled):
            return None  # nothing but punctuation
        return line if line.done else None

    @property
    def unheard(self) -> dict[str, float]:
        """The seconds of each speaker that nobody heard, as far as there are any."""
        found: dict[str, float] = {}
        for gap in self._gaps.values():
            found[gap.speaker] = found.get(gap.speaker, 0.0) + gap.end - gap.start
        return found

    def lines(self) -> Iterator[Line]:
        """The lines that say something, in the order in which they began."""
        shown = (line for line in self._lines.values() if line.text)
        return iter(sorted(shown, key=lambda line: line.start))

    def _line(self, event: Mapping[str, Any]) -> Line:
        speaker = event["speaker"]
        if speaker not in self.speakers:
            self.speakers.append(speaker)
        line = self._lines.setdefault(
            event["utterance_id"], Line(event["utterance_id"], speaker, event["start"])
        )
        line.start = event["start"]
        return line


def _heard_later(event: Mapping[str, Any]) -> str:
    """What became of a gap."""
    span = f"from {event['start']:.1f} to {event['end']:.1f} s"
    said = f"What {event['speaker']} said {span} is written down now."
    return said if event["utterance_ids"] else f"{event['speaker']} said nothing {span}."


def _note(event: Mapping[str, Any]) -> str:
    """How a final came about that was not simply heard."""
    if event.get("heard_again"):
        return "corrected"
    if event.get("repairs"):
        return "heard later"
    return "unsure" if event.get("unsure") else ""


def _after(settled: str, text: str) -> str:
    """What an interim says beyond the finals of its utterance, which it repeats."""
    text = text.strip()
    return text[len(settled) :].strip() if text.startswith(settled) else text
