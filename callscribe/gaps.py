"""What nobody heard of a call: how it is told, and how it is closed when it was heard after all.

May import core and ``notices``. Times are seconds on the call clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from callscribe import events
from callscribe.notices import words_lost
from callscribe.transcript import Gap, Transcript
from callscribe.utterances import NEAR


class Publish(Protocol):
    """Has an event told, as ``Record.publish``."""

    def __call__(self, kind: Callable[..., events.Event], /, **fields: object) -> None:
        """Has it made of these fields and told."""
        ...


def find(gaps: Iterable[Gap], speaker: str, start: float, end: float) -> Gap:
    """The smallest gap of a speaker that a stretch lies in; ``ValueError`` where there is none."""
    return min(
        (
            gap
            for gap in gaps
            if gap.speaker == speaker and gap.start - NEAR < start and end < gap.end + NEAR
        ),
        key=lambda gap: gap.end - gap.start,
    )


def said_within(transcript: Transcript, gap: Gap, start: float, end: float) -> tuple[str, ...]:
    """The ids of what a gap's speaker said in a stretch, in order."""
    ids = [
        said.utterance_id
        for said in transcript.utterances.back(start, end)
        if said.speaker == gap.speaker and said.start < end - NEAR and start + NEAR < said.end
    ]
    return tuple(reversed(ids))


def tell(publish: Publish, speaker: str, start: float, end: float, reason: str) -> None:
    """Says that nobody heard a stretch."""
    publish(events.Gap, speaker=speaker, start=start, end=end, reason=reason)
    publish(events.Notice, speaker=speaker, **words_lost(speaker, start, end, reason))


def close(publish: Publish, gap: Gap, start: float, end: float, ids: tuple[str, ...]) -> None:
    """Says what of a gap was heard, and which utterances were said there."""
    publish(
        events.GapRepaired,
        speaker=gap.speaker,
        of_seq=gap.seq,
        start=start,
        end=end,
        utterance_ids=ids,
    )


def leave_rest(publish: Publish, gap: Gap, start: float, end: float) -> None:
    """What is left of a gap before and behind what was heard stays one."""
    for first, last in ((gap.start, start), (end, gap.end)):
        if last - first > NEAR:
            publish(events.Gap, speaker=gap.speaker, start=first, end=last, reason=gap.reason)
