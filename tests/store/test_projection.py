"""What events add up to."""

from __future__ import annotations

from callscribe.events import Event, Notice
from callscribe.store.projection import Changes, project
from callscribe.store.rows import CallRow, prepare
from tests.happenings import (
    AT,
    ended,
    final,
    gap,
    interrupted,
    leg,
    leg_end,
    repaired,
    result,
    started,
    swap,
)


def fold(*given: Event) -> tuple[list[Changes], CallRow]:
    call = CallRow.begun(started())
    return project(prepare(given), {"call": call}), call


def test_a_calls_state() -> None:
    assert fold(started(), leg(2), ended(3))[1].state == "ended"
    assert fold(started(), interrupted(3))[1].state == "interrupted"
    assert fold(started(), interrupted(3), leg(4))[1].state == "running"
    call = fold(started(), ended(2), leg(3), final(4, "x"), gap(5))[1]
    assert (call.state, call.ended_at, call.last_seq, call.last_final) == ("running", None, 5, 4)
    assert (call.last_at, call.engine, call.config) == (AT + 5, "whisper", '{"language":"fr"}')


def test_what_comes_late_does_not_begin_an_ended_call_again() -> None:
    call = CallRow.begun(started())
    project(prepare([started(), ended(5)]), {"call": call})
    for late in (leg(2), interrupted(3)):
        project(prepare([late]), {"call": call})
        assert (call.state, call.ended_at, call.last_seq) == ("ended", AT + 5, 5)


def test_an_utterance_is_written_once_however_often_it_grew() -> None:
    (changes,), _ = fold(
        started(), final(2, "a", "u"), final(3, "a b", "u"), final(4, "c", "v"), final(5, "", "v")
    )
    assert [row["text"] for row in changes.utterances.values()] == ["a b"]
    assert [row["seq"] for row in changes.taken_back.values()] == [5]
    assert not changes.revised
    assert not changes.revisions


def test_a_revision_names_what_it_replaces() -> None:
    (changes,), _ = fold(final(5, "b", "u", revision=1), final(6, "c", "u", revision=2))
    assert changes.revised == [{"of_session": "call", "of_utterance": "u"}]
    assert [row["seq"] for row in changes.revisions] == [5, 5, 6]
    (changes,), _ = fold(final(5, "b", "u", speech_final=False), final(6, "c", "u", revision=1))
    assert [row["seq"] for row in changes.revisions] == [6]


def test_names_that_are_exchanged_divide_the_changes() -> None:
    changes, _ = fold(leg(2), swap(3, "a", "b"), gap(4), swap(5, "a"), gap(6), swap(7, "b", "c"))
    assert [len(c.legs) for c in changes] == [1, 0, 0]
    assert [len(c.gaps) for c in changes] == [0, 2, 0]
    assert [c.swap and c.swap.seq for c in changes] == [3, 7, None]


def test_the_end_of_a_leg_belongs_to_the_latest_of_that_speaker() -> None:
    (changes,), _ = fold(
        leg(2), leg(3, "b"), leg_end(4, seconds=1.0), leg(5), leg_end(6, seconds=2.0)
    )
    assert [row["seconds"] for row in changes.legs] == [1.0, None, 2.0]
    (changes,), _ = fold(leg_end(4, seconds=1.0), result(5))
    assert changes.leg_ends == [
        {"of_session": "call", "of_speaker": "agent", "until": 4, "heard": 1.0}
    ]
    assert [row["key"] for row in changes.results] == ["key"]


def test_other_events_change_no_rows() -> None:
    (changes,), call = fold(Notice(session_id="call", seq=9, at=AT, code="c", message="m"))
    assert changes == Changes()
    assert call.last_seq == 9


def test_a_repaired_gap_goes() -> None:
    (changes,), _ = fold(gap(2), repaired(3, of_seq=2))
    assert [row["seq"] for row in changes.gaps] == [2]
    assert changes.repaired == [{"of_session": "call", "of_seq": 2}]
