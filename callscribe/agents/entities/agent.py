"""Finds entities in finals and says what they are worth.

May import ``agents.base``, the finders beside it and core.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from msgspec import structs

from callscribe.agents.base import Call, Finding
from callscribe.agents.entities.amounts import find_amounts
from callscribe.agents.entities.dates import find_dates
from callscribe.agents.entities.line import Found, as_written, in_digits
from callscribe.agents.entities.mails import find_spoken, find_written
from callscribe.agents.entities.phones import find_phones
from callscribe.agents.entities.references import asks_for_one, find_answers, find_references
from callscribe.events import FinalResult
from callscribe.transcript import Word, mean_confidence

IN_DIGITS = ("fr", "en")
"""Languages in which numbers said as words are understood."""

OPEN_END = 3
"""Words at the end of an open utterance that may go on: "49 euros" is "49 euros 90" soon."""

FEW = 40
"""Words that are looked through at once, in half a millisecond: a thread costs as much."""

PART = 300
"""Words that are looked at together."""

_DIGIT = re.compile(r"\d")
_NOTHING: Sequence[Found] = ()

LONGEST = 100
"""Characters of a word; longer ones are no speech."""


class EntitiesAgent:
    """Telephone numbers, e-mail addresses, amounts, dates and references."""

    name = "entities"

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:
        """The entities of a final; what may still grow is told when it has."""
        if not final.text or final.leak_of:
            return []
        if len(final.text) <= FEW * LONGEST and max(len(final.words), final.text.count(" ")) < FEW:
            return self._findings(final, call)
        return await asyncio.to_thread(self._findings, final, call)

    def _findings(self, final: FinalResult, call: Call) -> list[Finding]:
        words = final.words or tuple(
            Word(t, final.start, final.end, final.confidence) for t in final.text.split()
        )
        language = final.language or call.language or "fr"
        called = datetime.fromtimestamp(final.at, UTC).astimezone().date()
        asked = asks_for_one(_before(final, call), language)
        seen: Counter[tuple[str, str]] = Counter()
        findings = []
        entities = _entities(words, language, called, asked=asked)
        for found, first, last in sorted(entities, key=lambda entity: entity[1]):
            seen[found.kind, found.value] += 1
            if final.speech_final or last < len(words) - OPEN_END:
                number = seen[found.kind, found.value]
                findings.append(_finding(final, found, words[first : last + 1], first, number))
        return findings


def _before(final: FinalResult, call: Call) -> str:
    """What the other speaker said last before this."""
    for said in call.transcript.utterances.back(but_by=final.speaker):  # it is one of the latest
        if said.speaker != final.speaker and said.start < final.start:
            return said.text
    return ""


def _entities(
    words: Sequence[Word], language: str, called: date, *, asked: bool
) -> Iterator[tuple[Found, int, int]]:
    """Every entity, part by part: an utterance without end must not take for ever."""
    for begin in range(0, len(words), PART):
        part = [
            word if len(word.text) <= LONGEST else structs.replace(word, text="")
            for word in words[begin : begin + PART]
        ]
        for found, first, last in _in_part(part, language, called, asked=asked):
            yield found, begin + first, begin + last


def _in_part(
    words: Sequence[Word], language: str, called: date, *, asked: bool
) -> Iterator[tuple[Found, int, int]]:
    """Every entity, the surer kinds first; none shares a word with another."""
    base = language.lower().split("-")[0]
    written = as_written(words)
    line = in_digits(words, base) if base in IN_DIGITS else written
    taken: set[int] = set()
    # Most of what is said has no number: these find nothing then, and take the longest for it.
    has_number = _DIGIT.search(line.text) is not None
    finders = [
        (written, find_written(written)),
        (line, find_spoken(line, language)),
        (line, find_phones(line, language) if has_number else _NOTHING),
        (line, find_amounts(line, language) if has_number else _NOTHING),
        (line, find_dates(line, language, called)),
        (line, find_references(line, language) if has_number else _NOTHING),
        (line, find_answers(line) if has_number and asked else _NOTHING),
    ]
    for where, finder in finders:
        for found in finder:
            first, last = where.words(found.start, found.end)
            span = set(range(first, last + 1))
            if not span & taken:
                taken |= span
                yield found, first, last


def _finding(
    final: FinalResult, found: Found, heard: Sequence[Word], first: int, number: int
) -> Finding:
    currency = {"currency": found.currency} if found.currency else {}
    return Finding(
        kind="entity",
        key=f"{final.utterance_id}:{found.kind}:{found.value}{found.currency}:{number}",
        utterance_ids=(final.utterance_id,),
        body={
            "type": found.kind,
            "value": found.value,
            **currency,
            "heard": " ".join(word.text for word in heard),
            "speaker": final.speaker,
            "start": round(heard[0].start, 3),
            "end": round(heard[-1].end, 3),
            "confidence": round(mean_confidence(heard), 4),
            "first_word": first,
            "last_word": first + len(heard) - 1,
        },
    )
