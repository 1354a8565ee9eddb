"""Results are matched with the frames that they come from."""

from __future__ import annotations

from benchmarks.relay import marks
from benchmarks.relay.board import Board
from benchmarks.relay.tally import Row

MS = 1_000_000


def board() -> Board:
    """Leg 2 has sent ten frames, the first at 0, each 20 ms after the one before."""
    found = Board()
    found.opens(2).extend(20 * MS * number for number in range(10))
    return found


def text(leg: int, ms: int, sent: int, *, final: bool = False) -> bytes:
    return b'{"text":"' + marks.write(leg, ms, sent * MS, final=final) + b'"}'


def test_up_counts_from_the_frame_that_completed_the_audio() -> None:
    one = board()
    assert one.hears(text(2, 100, 83), 85 * MS) is not None  # its fifth frame went at 80 ms
    assert one.of(range(3)) == [Row(85 * MS, 3.0, 2.0)]
    assert one.of(range(2)) == []


def test_the_same_result_counts_once() -> None:
    one = board()
    for _ in range(2):
        one.hears(text(2, 200, 183, final=True), 185 * MS)
    assert [row.final for row in one.of(range(3))] == [True]


def test_what_is_left_out_comes_with_the_next() -> None:
    one = Board()
    one.opens(2).extend(20 * MS * number for number in range(30))
    one.hears(text(2, 200, 183), 185 * MS)  # nobody followed before
    one.hears(text(2, 500, 483), 490 * MS)
    one.hears(text(2, 400, 383), 495 * MS)  # of the past
    left_out = [row for row in one.of(range(3)) if row.left_out]
    assert [row.total for row in left_out] == [490 - 280, 490 - 380]
    assert [row.total for row in one.of(range(3)) if not row.left_out] == [5, 10, 115]


def test_what_nobody_sent_is_a_stray() -> None:
    one = board()
    one.hears(text(2, 300, 283), 285 * MS)
    one.hears(text(9, 100, 83), 85 * MS)
    assert (one.strays, one.of(range(10))) == (2, [])


def test_other_messages_are_left_alone() -> None:
    one = board()
    assert one.hears(b'{"event":"ready"}', 0) is None
    assert one.strays == 0
