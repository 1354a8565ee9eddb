"""Gaps by themselves; what a record makes of them is in ``test_record``."""

from __future__ import annotations

import pytest

from callscribe import events, gaps
from callscribe.transcript import Gap, Transcript, Utterance

WIDE = Gap("agent", 1.0, 9.0, "network", 1)
NARROW = Gap("agent", 2.0, 4.0, "network", 2)


def test_a_stretch_is_of_the_smallest_gap_around_it() -> None:
    known = [WIDE, NARROW, Gap("technician", 2.4, 2.6, "network", 3)]
    assert gaps.find(known, "agent", 2.4, 2.6) is NARROW
    assert gaps.find(known, "agent", 2.0, 4.0) is NARROW
    assert gaps.find(known, "agent", 1.5, 4.0) is WIDE
    with pytest.raises(ValueError, match="empty"):
        gaps.find(known, "agent", 0.5, 4.0)


def test_what_was_said_within_is_in_order_however_long_the_call() -> None:
    transcript = Transcript("call")
    for number in range(60):
        speaker = "agent" if number % 2 else "technician"
        start = float(number)
        transcript.add(Utterance(f"u-{number}", speaker, "oui", start, start + 1, (), 0.9))
    within = gaps.said_within(transcript, Gap("agent", 4.0, 10.0, "network", 1), 4.0, 10.0)
    assert within == ("u-5", "u-7", "u-9")


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [(1.0, 9.0, []), (2.0, 9.0, [(1.0, 2.0)]), (3.0, 5.0, [(1.0, 3.0), (5.0, 9.0)])],
)
def test_the_rest_of_a_gap_stays_one(
    start: float, end: float, left: list[tuple[float, float]]
) -> None:
    told: list[tuple[object, dict[str, object]]] = []
    gaps.leave_rest(lambda kind, /, **fields: told.append((kind, fields)), WIDE, start, end)
    assert [kind for kind, _ in told] == [events.Gap] * len(left)
    assert [(fields["start"], fields["end"]) for _, fields in told] == left
    assert all(fields["reason"] == "network" for _, fields in told)


def test_a_gap_is_told_to_people_too() -> None:
    told: list[object] = []
    gaps.tell(lambda kind, /, **_: told.append(kind), "agent", 1.0, 2.0, "network")
    gaps.close(lambda kind, /, **_: told.append(kind), WIDE, 1.0, 2.0, ("u-1",))
    assert told == [events.Gap, events.Notice, events.GapRepaired]
