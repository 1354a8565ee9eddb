"""Utterances as caption cues: short enough to read, in an order that players take.

A cue holds at most two lines of 42 characters (a longer single word stays whole) and lasts at
most seven seconds. Cues of one speaker never overlap; those of two speakers may, as the speakers
do. May import ``transcript``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from callscribe.transcript import Transcript, Utterance

MAX_CHARS = 42
"""The longest line, characters."""

MAX_MS = 7_000
"""How long a cue may stand, milliseconds."""

MIN_MS = 1_000
"""How long a cue stands where the same speaker's next one leaves the time, milliseconds."""

MAX_NAME = 20
"""Characters of a speaker's name where it is written in the line itself."""

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_SENTENCE_END = re.compile(r"[.?!…]$")
_CLAUSE_END = re.compile(r"[,;:]$")


@dataclass(frozen=True, slots=True)
class Cue:
    """What one speaker says from ``start_ms`` to ``end_ms`` (call clock), in one or two lines."""

    speaker: str
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """An unbreakable bit of text with its time in seconds."""

    text: str
    start: float
    end: float


def make_cues(transcript: Transcript, *, named: bool) -> list[Cue]:
    """All cues, ordered by their beginning. ``named`` puts ``speaker:`` before the words."""
    by_speaker: dict[str, list[Cue]] = {}
    for utterance in transcript.utterances:
        by_speaker.setdefault(utterance.speaker, []).extend(_split(utterance, named=named))
    cues = [cue for own in by_speaker.values() for cue in _in_turn(own)]
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def _split(utterance: Utterance, *, named: bool) -> Iterator[Cue]:
    name = _BREAKS.sub(" ", utterance.speaker)
    head = f"{name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + '…'}:" if named else ""
    pieces, joiner = _pieces(utterance)
    while pieces:
        count = _take(pieces, head, joiner)
        part, pieces = pieces[:count], pieces[count:]
        yield Cue(
            speaker=utterance.speaker,
            start_ms=round(part[0].start * 1000),
            end_ms=round(part[-1].end * 1000),
            lines=_lay_out(part, head, joiner),
        )


def _pieces(utterance: Utterance) -> tuple[list[_Piece], str]:
    """The words (or, without any, the text's parts spread over its time) and what joins them."""
    pieces: list[_Piece] = []
    latest = 0.0
    for word in utterance.words:
        text = _BREAKS.sub(" ", word.text).strip()
        if text:
            start = max(word.start, latest)
            latest = max(word.end, start)
            pieces.append(_Piece(text, start, latest))
    if pieces:
        unspaced = utterance.text == "".join(piece.text for piece in pieces)
        return pieces, "" if unspaced else " "
    texts = utterance.text.split()
    step = max(utterance.end - utterance.start, 0.0) / max(sum(map(len, texts)), 1)
    start = max(utterance.start, 0.0)
    for text in texts:
        pieces.append(_Piece(text, start, start + step * len(text)))
        start = pieces[-1].end
    return pieces, " "


def _take(pieces: Sequence[_Piece], head: str, joiner: str) -> int:
    """How many pieces the next cue holds: as many as fit, rather up to the end of a sentence."""
    count = 1
    while count < len(pieces) and _fits(pieces[: count + 1], head, joiner):
        count += 1
    if count == len(pieces):
        return count
    for ending in (_SENTENCE_END, _CLAUSE_END):
        for index in range(count - 1, count // 2, -1):
            if ending.search(pieces[index].text):
                return index + 1
    return count


def _fits(pieces: Sequence[_Piece], head: str, joiner: str) -> bool:
    if (pieces[-1].end - pieces[0].start) * 1000 > MAX_MS:
        return False
    return all(len(line) <= MAX_CHARS for line in _lay_out(pieces, head, joiner))


def _lay_out(pieces: Sequence[_Piece], head: str, joiner: str) -> tuple[str, ...]:
    """One line if it is short enough, else the two lines that are nearest in length."""
    texts = [piece.text for piece in pieces]
    lead = f"{head} " if head else ""
    whole = lead + joiner.join(texts)
    if len(whole) <= MAX_CHARS or len(texts) == 1:
        return (whole,)
    ways = (
        (lead + joiner.join(texts[:index]), joiner.join(texts[index:]))
        for index in range(1, len(texts))
    )
    return min(ways, key=lambda lines: max(map(len, lines)))


def _in_turn(cues: list[Cue]) -> Iterator[Cue]:
    """One speaker's cues with times that never run back, overlap or stand still."""
    starts: list[int] = []
    for cue in cues:
        starts.append(max(cue.start_ms, starts[-1] + 1 if starts else 0))
    for index, (cue, start) in enumerate(zip(cues, starts, strict=True)):
        latest = start + MAX_MS
        if index + 1 < len(starts):
            latest = min(latest, starts[index + 1])
        end = min(max(cue.end_ms, start + MIN_MS), latest)
        yield replace(cue, start_ms=start, end_ms=end)
