"""What is said: words, results, utterances and the transcript they add up to.

Core: no I/O; may import ``said``, ``numbered`` and ``shelf``. All times are float seconds from the
first sample of the leg unless a name ends in ``_ms``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from heapq import merge
from math import floor, isfinite
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from callscribe.numbered import Numbered
from callscribe.said import Said
from callscribe.shelf import Shelf


class Word(Struct, frozen=True, gc=False, omit_defaults=True):
    """One word as shown, punctuation included.

    ``start`` and ``end`` are seconds on the leg's clock, ``confidence`` is 0 to 1,
    ``speaker_label`` is a diarization label where an engine gives one; in an engine's results it
    holds within their connection, in a call it stays with one voice of its speaker.
    """

    text: str
    start: float
    end: float
    confidence: float
    speaker_label: str | None = None

    def moved(self, by: float) -> Word:
        """The same word ``by`` seconds later, for another clock."""
        start, end = self.start + by, self.end + by
        return Word(self.text, start, end, self.confidence, self.speaker_label)

    def at(self, start: float, end: float) -> Word:
        """The same word at another time."""
        return Word(self.text, start, end, self.confidence, self.speaker_label)

    def labelled(self, label: str | None) -> Word:
        """The same word, of another voice."""
        return Word(self.text, self.start, self.end, self.confidence, label)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; the label only where there is one."""
        data: dict[str, Any] = {
            "text": self.text,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "confidence": round(self.confidence, 4),
        }
        if self.speaker_label is not None:
            data["speaker_label"] = self.speaker_label
        return data


def whole_ms(seconds: float) -> float:
    """Seconds to the millisecond, halves up, as words have them: ``round`` differs by some."""
    return floor(seconds * 1000 + 0.5) / 1000 if isfinite(seconds * 1000) else seconds


def written_down(words: Sequence[Word], offset: float = 0.0) -> tuple[Word, ...]:
    """Words ``offset`` seconds later, in whole milliseconds and four decimals of confidence."""
    # Ten times a second on every leg: a list is made faster than it is counted out, and whole
    # numbers are divided faster than others are rounded.
    try:
        made = [
            Word(
                word.text,
                floor((word.start + offset) * 1000 + 0.5) / 1000,
                floor((word.end + offset) * 1000 + 0.5) / 1000,
                floor(word.confidence * 10000 + 0.5) / 10000,
                word.speaker_label,
            )
            for word in words
        ]
    except (OverflowError, ValueError):  # no numbers that a clock has
        return tuple(word.moved(offset) for word in words)
    return tuple(made)


class Result(Struct, frozen=True, gc=False):
    """One engine message about one stretch of a leg.

    An interim result (``is_final`` false) restates the whole open stretch and is replaced by the
    next one. A final never changes; ``speech_final`` adds that an endpoint was found there.
    ``latency_ms`` is the time between the arrival of the last audio it covers and the result.
    """

    text: str
    start: float
    end: float
    is_final: bool
    speech_final: bool = False
    words: tuple[Word, ...] = ()
    confidence: float = 0.0
    language: str | None = None
    latency_ms: float | None = None
    from_finalize: bool = False
    until: float | None = None
    """Where the audio ends that a final has settled, if that is not its ``end``: nothing that was
    said before comes again."""
    unsure: bool = False
    """Its words are less sure than the configuration asks for."""
    exact: bool = False
    """Its numbers are those that are written down: whole ms, four decimals of confidence; and no
    space stands around its text."""

    def moved(self, by: float) -> Result:
        """The same result ``by`` seconds later, for another clock."""
        if not by:
            return self
        words = tuple(word.moved(by) for word in self.words)
        until = None if self.until is None else self.until + by
        start, end = self.start + by, self.end + by
        return replace(self, start=start, end=end, words=words, until=until, exact=False)


class Utterance(Struct, frozen=True, gc=False):
    """What one speaker said up to an endpoint: one or more finals."""

    utterance_id: str
    speaker: str
    text: str
    start: float
    end: float
    words: Sequence[Word]
    confidence: float
    language: str | None = None
    unsure: bool = False
    """Some of it is less sure than the configuration asks for."""
    heard_again: str = ""
    """The engine that has heard some of it again, surer of its words than who heard it first."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "utterance_id": self.utterance_id,
            "speaker": self.speaker,
            "text": self.text,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "confidence": round(self.confidence, 4),
            "language": self.language,
            "unsure": self.unsure,
            "heard_again": self.heard_again,
            "words": [word.to_dict() for word in self.words],
        }


_CODE = re.compile("[a-z_]+")
_REASONS = {
    "server_died": "the server died",
    "server_restarted": "the server was away",
}


class Gap(Struct, frozen=True, gc=False):
    """A stretch of a leg that nobody heard, and why, for a person; seconds on the call clock."""

    speaker: str
    start: float
    end: float
    reason: str
    seq: int = 0
    """The number of the event that told it."""

    @property
    def is_coded(self) -> bool:
        """Whether the reason is a code, as of what no engine has to do with."""
        return _CODE.fullmatch(self.reason) is not None

    @property
    def why(self) -> str:
        """The reason in words; where it is a code, what that means."""
        if not self.is_coded:
            return " ".join(self.reason.split())
        return _REASONS.get(self.reason, self.reason.replace("_", " "))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "speaker": self.speaker,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "reason": self.reason,
        }


def mean_confidence(words: Sequence[Word]) -> float:
    """The mean of the words' confidences, 0.0 for no words."""
    return sum([word.confidence for word in words]) / len(words) if words else 0.0


def join_text(parts: Iterable[str]) -> str:
    """Joins texts with one space, empty ones left out."""
    return " ".join(part.strip() for part in parts if part.strip())


class Transcript:
    """A session's utterances, and what nobody heard, in the order in which they began.

    ``shelf`` is where old utterances go as others come.
    """

    __slots__ = ("_known", "gaps", "session_id", "utterances")

    def __init__(
        self,
        session_id: str,
        utterances: Iterable[Utterance] = (),
        gaps: Iterable[Gap] = (),
        shelf: Shelf | None = None,
    ) -> None:
        self.session_id = session_id
        self.utterances = utterances if isinstance(utterances, Said) else Said(utterances, shelf)
        self.gaps = list(gaps)
        """Those that have not been repaired."""
        self._known: Numbered | None = None
        """The ids of the utterances, once one was to be dropped: most are new, and need not be
        sought in a long call."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transcript) and self._all == other._all

    __hash__ = None  # type: ignore[assignment] # it grows

    def __repr__(self) -> str:
        return f"Transcript{self._all}"

    @property
    def _all(self) -> tuple[str, Said, list[Gap]]:
        return self.session_id, self.utterances, self.gaps

    def copy(self) -> Transcript:
        """The same, which does not grow."""
        return Transcript(self.session_id, copy(self.utterances), self.gaps)

    def add(self, utterance: Utterance) -> None:
        """Puts an utterance in its place; one with the same id is replaced (a revision)."""
        utterance_id, known = utterance.utterance_id, self._ids()
        place = self.utterances.put(utterance)  # first: what goes wrong there loses nothing
        if utterance_id in known:
            self.utterances.drop(utterance_id, but=place)
        known.add(utterance_id)

    def drop(self, utterance_id: str) -> None:
        """Takes an utterance out, if it is there."""
        known = self._ids()
        if utterance_id in known:
            self.utterances.drop(utterance_id)
            known.discard(utterance_id)

    def _ids(self) -> Numbered:
        if self._known is None:
            self._known = Numbered(said.utterance_id for said in self.utterances)
        return self._known

    def find(self, speaker: str, start: float, end: float) -> Utterance | None:
        """The speaker's utterance that most of a stretch lies in; None where none does."""
        middle = (start + end) / 2
        for utterance in self.utterances.back(middle, middle):
            if utterance.speaker == speaker and utterance.start <= middle <= utterance.end:
                return utterance
        return None

    def add_gap(self, gap: Gap) -> None:
        """Puts a gap in its place."""
        index = len(self.gaps)
        while index and self.gaps[index - 1].start > gap.start:
            index -= 1
        self.gaps.insert(index, gap)

    def drop_gap(self, seq: int) -> None:
        """Takes out the gap that this event told, if it is there."""
        self.gaps[:] = [gap for gap in self.gaps if gap.seq != seq]

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers' names in all that was said, and not heard."""
        names = {one: other, other: one}
        gaps = self.gaps
        self.utterances.rename(names)
        gaps[:] = [replace(gap, speaker=names.get(gap.speaker, gap.speaker)) for gap in gaps]

    @property
    def in_order(self) -> list[Utterance | Gap]:
        """All that was said and all that nobody heard, by its beginning."""
        said: list[Utterance | Gap] = [*self.utterances]
        missed: list[Utterance | Gap] = [*self.gaps]
        return list(merge(said, missed, key=lambda item: item.start))

    @property
    def speakers(self) -> list[str]:
        """The speakers in the order in which they first spoke."""
        return list(dict.fromkeys(utterance.speaker for utterance in self.utterances))

    @property
    def text(self) -> str:
        """All that was said, one utterance a line."""
        return "\n".join(utterance.text for utterance in self.utterances)

    @property
    def duration(self) -> float:
        """The end of what was said, and of what nobody heard, in seconds."""
        return max([self.utterances.until, *[gap.end for gap in self.gaps]])

    def of(self, speaker: str) -> str:
        """All that one speaker said, on one line."""
        return join_text(u.text for u in self.utterances if u.speaker == speaker)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        said = list(self.utterances)
        return {
            "session_id": self.session_id,
            "duration": round(self.duration, 3),
            "speakers": list(dict.fromkeys(utterance.speaker for utterance in said)),
            "utterances": [utterance.to_dict() for utterance in said],
            "gaps": [gap.to_dict() for gap in self.gaps],
        }
