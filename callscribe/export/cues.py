"""Utterances as caption cues: short enough to read, in an order that players take.

A cue holds at most two lines of 42 characters (a longer single word stays whole), stands for a
second at least and seven at most, long enough to be read where the next one leaves the time.
What nobody heard is a cue as well. May import ``gaps``, ``lines``, ``pieces``, ``transcript``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import pairwise
from typing import Final

from callscribe.export.gaps import blocks_of
from callscribe.export.lines import MAX_CHARS, MAX_MS, fits, lay_out, split
from callscribe.export.pieces import BREAKS, Block, block_of
from callscribe.transcript import Transcript

MIN_MS: Final = 1_000
"""How long a cue stands at least, milliseconds; less only where many crowd each other."""

LEAST_MS: Final = 200
"""How long one stands where so many crowd each other that they would fall behind."""

CHARS_PER_SECOND: Final = 20
"""How fast people read."""

TOGETHER_MS: Final = 300
"""Two who speak at once for longer are shown together; for less, the first one makes room."""

MAX_NAME: Final = 20
"""Characters of a speaker's name where it is written in the line itself."""

Group = tuple[Block, ...]
"""What one cue shows: one speaker's block, or those of two."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from ``start_ms`` to ``end_ms`` (call clock), in one or two lines."""

    speakers: tuple[str, ...]
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def voice_cues(transcript: Transcript) -> list[Cue]:
    """Cues of one speaker each, without names, by their beginnings.

    Those of one speaker never overlap; those of two do where the speakers do.
    """
    cues: list[Cue] = []
    for blocks in _by_speaker(transcript):
        parts = [part for block in blocks for part in split(block, "")]
        cues += _timed(_joined([(part,) for part in parts], named=False), named=False)
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def turn_cues(transcript: Transcript) -> list[Cue]:
    """Cues that follow each other and never overlap, named as in ``AGENT: Oui.``.

    Two who speak at once, or in quick turns, share one: ``- AGENT: Oui.``, a line for each.
    """
    parts = [
        part
        for blocks in _by_speaker(transcript)
        for block in blocks
        for part in split(block, name_of(block.speaker))
    ]
    parts = [replace(part, part=i) for i, part in enumerate(sorted(parts, key=_by_time))]
    at_once = _at_once(parts)
    lines = [
        line
        for part in parts
        for line in (split(part, _dashed(part), 1) if part.part in at_once else [part])
    ]
    return list(_timed(_grouped(sorted(lines, key=_by_time)), named=True))


def name_of(speaker: str) -> str:
    """A speaker's name at the head of a line: ``AGENT: ``."""
    name = BREAKS.sub(" ", speaker).upper()
    return f"{name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + '…'}: "


def _dashed(block: Block) -> str:
    return f"- {name_of(block.speaker)}"


def _by_time(block: Block) -> int:
    return block.start_ms  # and nothing else: what begins together stays in order


def _by_speaker(transcript: Transcript) -> Iterator[list[Block]]:
    """What each speaker said, and where nobody heard it; its times never run back."""
    missed = [gap.speaker for gap in transcript.gaps]
    for speaker in dict.fromkeys([*transcript.speakers, *missed]):
        said = [(u.start, block_of(u)) for u in transcript.utterances if u.speaker == speaker]
        gaps = [(block.pieces[0].start, block) for block in blocks_of(transcript, speaker)]
        blocks: list[Block] = []
        latest = 0.0
        for _, block in merge(said, gaps, key=_start):
            if not block.pieces:
                continue
            pieces = tuple(
                replace(piece, start=max(piece.start, latest), end=max(piece.end, latest))
                for piece in block.pieces
            )
            blocks.append(replace(block, pieces=pieces))
            latest = pieces[-1].start
        yield blocks


def _start(placed: tuple[float, Block]) -> float:
    return placed[0]


def _at_once(parts: Sequence[Block]) -> set[int]:
    """The parts during which somebody else speaks for more than a moment."""
    found: set[int] = set()
    open_: list[Block] = []
    for part in parts:
        open_ = [other for other in open_ if other.end_ms - part.start_ms > TOGETHER_MS]
        for other in open_:
            if other.speaker != part.speaker and _overlap(other, part) > TOGETHER_MS:
                found |= {other.part, part.part}
        open_.append(part)
    return found


def _overlap(one: Block, other: Block) -> int:
    return min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)


def _grouped(blocks: Iterable[Block]) -> list[Group]:
    """Puts together what is said at once, or follows so quickly that one had no time to be read."""
    groups: list[Group] = []
    for block in blocks:
        if groups and len(groups[-1]) == 1 and _share(groups[-1][0], block):
            groups[-1] = (*groups[-1], block)
        else:
            groups.append((block,))
    return _joined(groups, named=True)


def _share(one: Block, other: Block) -> bool:
    if one.speaker == other.speaker:
        return False
    if max(one.end_ms, other.end_ms) - one.start_ms > MAX_MS:
        return False
    close = _overlap(one, other) > TOGETHER_MS or other.start_ms < one.start_ms + MIN_MS
    return close and all(len(_dashed_line(block)) <= MAX_CHARS for block in (one, other))


def _joined(groups: Iterable[Group], *, named: bool) -> list[Group]:
    """Puts together what one speaker says where that is one cue after all."""
    found: list[Group] = []
    for group in groups:
        if found and len(found[-1]) == len(group) == 1:
            joined = _join(found[-1][0], group[0], named=named)
            if joined:
                found[-1] = (joined,)
                continue
        found.append(group)
    return found


def _join(one: Block, other: Block, *, named: bool) -> Block | None:
    """Two blocks of one speaker as one, if they fit.

    Either both are lines of one part, or the first would have no time to be read.
    """
    if (one.speaker, one.joiner) != (other.speaker, other.joiner):
        return None
    of_one = one.part == other.part >= 0
    if not of_one and other.start_ms >= one.start_ms + MIN_MS:
        return None
    both = replace(one, pieces=one.pieces + other.pieces)
    return both if fits(both, name_of(both.speaker) if named else "") else None


def _dashed_line(block: Block) -> str:
    return _dashed(block) + block.joiner.join(piece.text for piece in block.pieces)


def _timed(groups: Sequence[Group], *, named: bool) -> Iterator[Cue]:
    """Cues that follow each other; one that is pushed back by the one before may be shorter."""
    free = 0
    for group, next_ in pairwise([*groups, ()]):
        wanted = group[0].start_ms
        start = max(wanted, free)
        lines = _lines(group, named=named)
        spoken = max(block.end_ms for block in group) - start
        reading = sum(map(len, lines)) * 1000 // CHARS_PER_SECOND
        long = min(max(spoken, reading, MIN_MS), MAX_MS)
        if next_:
            room = next_[0].start_ms - start
            # Those who are late already hurry, so that a crowd does not fall behind for good.
            long = min(long, max(room, MIN_MS - (start - wanted) // 2, LEAST_MS))
        free = start + long
        yield Cue(tuple(block.speaker for block in group), start, free, lines)


def _lines(group: Group, *, named: bool) -> tuple[str, ...]:
    if len(group) > 1:
        return tuple(_dashed_line(block) for block in group)
    (block,) = group
    texts = [piece.text for piece in block.pieces]
    return lay_out(texts, name_of(block.speaker) if named else "", block.joiner)
