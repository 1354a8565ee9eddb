"""How one speaker's results add up to utterances. Core: no I/O; may import ``transcript``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from msgspec.structs import replace

from callscribe.transcript import (
    Result,
    Utterance,
    Word,
    join_text,
    mean_confidence,
    whole_ms,
    written_down,
)

LONGEST: Final = 60.0
"""Seconds after which an utterance ends with a final although nobody paused: every event holds the
whole of it."""


NEAR: Final = 0.01
"""Seconds by which a place and itself, reckoned another way, may differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """The open utterance after one more result.

    ``is_final``: its words will not change; ``speech_final``: nothing will be added either. A
    final step without text takes back what interims had shown.
    """

    utterance: Utterance
    is_final: bool
    speech_final: bool


class UtteranceBuilder:
    """Folds a speaker's results into numbered utterances on the call clock.

    An utterance is the finals up to an endpoint. Its id, ``speaker-n``, is the same from its first
    interim to its end, and no two utterances of a speaker share one, whatever leg they came by.
    ``numbers`` gives the numbers; they begin with 1 without it.
    """

    def __init__(self, speaker: str, numbers: Iterator[int] | None = None) -> None:
        self.speaker = speaker
        """Who speaks; may change when roles are swapped, the ids stay."""
        self._prefix = speaker
        self._numbers = count(1) if numbers is None else numbers
        self._utterance_id = ""
        self._begin()
        self._finals: list[Result] = []
        self._heard_again = ""
        self._shown = False

    @property
    def utterance_id(self) -> str:
        """The id of the utterance that is open or comes next."""
        return self._utterance_id

    def _begin(self) -> None:
        self._utterance_id = f"{self._prefix}-{next(self._numbers)}"

    @property
    def is_begun(self) -> bool:
        """Whether a final stands that no end of an utterance has followed."""
        return bool(self._finals)

    def add(self, result: Result, offset: float = 0.0) -> Step | None:
        """Takes a result of a leg that began at ``offset`` (s); None when it changes nothing."""
        if offset or not result.exact:
            result = placed(result, offset)
        if not result.is_final:
            return self._interim(result)
        if result.text:
            self._finals.append(result)
        elif not (self._finals or self._shown):
            return None
        return self._final(result.speech_final or self._is_long(), result)

    def finish(self) -> Step | None:
        """Ends the open utterance where no endpoint came; None when none is open."""
        if self._finals:
            return self._final(True, self._finals[-1])
        self._shown = False
        return None

    def revise(self, start: float, end: float, now: Result, by: str) -> Step | None:
        """Replaces the open utterance's final from ``start`` to ``end``, if it has one there.

        ``by`` is the engine that heard it again. Times are on the call clock.
        """
        for index, part in enumerate(self._finals):
            if abs(part.start - start) + abs(part.end - end) < NEAR:
                self._finals[index], self._heard_again = now, by
                return self._restated()
        return None

    def _restated(self) -> Step:
        return Step(self._utterance(self._finals, self._finals[-1]), True, False)

    def _is_long(self) -> bool:
        return bool(self._finals) and self._finals[-1].end - self._finals[0].start > LONGEST

    def _interim(self, result: Result) -> Step | None:
        has_text = bool(result.text)
        if not has_text and not self._shown:
            return None
        self._shown = has_text
        parts = [*self._finals, result] if has_text else self._finals
        return Step(self._utterance(parts, result), is_final=False, speech_final=False)

    def _final(self, speech_final: bool, last: Result) -> Step:
        step = Step(self._utterance(self._finals, last), is_final=True, speech_final=speech_final)
        self._shown = False
        if speech_final:
            self._begin()
            self._finals, self._heard_again = [], ""
        return step

    def _utterance(self, parts: list[Result], last: Result) -> Utterance:
        if len(parts) == 1:
            (part,) = parts
            words, text, start, end = part.words, part.text, part.start, part.end
            language, unsure = part.language or None, part.unsure
        else:
            words = tuple([word for part in parts for word in part.words])
            text = " ".join([part.text for part in parts])
            start = min([part.start for part in parts], default=last.start)
            end = max([part.end for part in parts], default=last.end)
            languages = [part.language for part in parts if part.language]
            language = languages[-1] if languages else None
            unsure = True in [part.unsure for part in parts]
        confidence = _confidence(words, parts) if last.is_final else 0.0
        return Utterance(
            self._utterance_id,
            self.speaker,
            text,
            start,
            end,
            words,
            confidence,
            language,
            unsure,
            self._heard_again,
        )


def placed(result: Result, offset: float) -> Result:
    """A leg's result on the call clock, in the numbers that are written down and told."""
    if result.exact and not offset:
        return result
    return Result(
        text=result.text.strip(),
        start=whole_ms(result.start + offset),
        end=whole_ms(result.end + offset),
        is_final=result.is_final,
        speech_final=result.speech_final,
        words=written_down(result.words, offset),
        confidence=result.confidence,
        language=result.language,
        unsure=result.unsure,
    )


def _confidence(words: Sequence[Word], parts: Sequence[Result]) -> float:
    if words:
        return round(mean_confidence(words), 4)
    return round(sum(part.confidence for part in parts) / len(parts), 4) if parts else 0.0


def restated(said: Utterance, start: float, end: float, now: Result, by: str) -> Utterance | None:
    """An utterance in which other words stand from ``start`` to ``end``; None where none did.

    ``by`` is the engine that heard them. Times are on the call clock.
    """
    before = [word for word in said.words if word.start < start - NEAR]
    behind = [word for word in said.words if word.end > end + NEAR]
    if len(before) + len(behind) >= len(said.words):
        return None
    words = (*before, *now.words, *behind)
    return replace(
        said,
        text=join_text(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        words=words,
        confidence=round(mean_confidence(words), 4),
        unsure=now.unsure or (said.unsure and bool(before or behind)),
        heard_again=by,
    )
