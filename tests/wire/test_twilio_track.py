"""A track's order and its clock, with frames lost, doubled and out of order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.errors import ProtocolError
from callscribe.wire.twilio_track import FARTHEST, SILENCE, Gap, Piece, Track

MS, FRAME = 20, 160


def frame(index: int) -> bytes:
    """Audio that tells which frame it is, and is never silence."""
    return index.to_bytes(2, "big") * (FRAME // 2)


def heard(pieces: list[Piece]) -> bytes:
    return b"".join(b"".join(p.silence()) if isinstance(p, Gap) else p for p in pieces)


@st.composite
def trips(draw: st.DrawFn) -> tuple[int, set[int], list[int]]:
    """How many frames were sent, which were lost, and in which order the others came."""
    count = draw(st.integers(2, 120))
    lost = draw(st.sets(st.integers(0, count - 2), max_size=count // 2))
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    shift = draw(st.integers(0, 4))
    kept = [index for index in range(count) if index not in lost]
    order = sorted(kept, key=lambda index: index + rng.uniform(0, shift))
    for index in rng.sample(kept, k=min(len(kept), draw(st.integers(0, 10)))):
        order.insert(rng.randrange(order.index(index) + 1, len(order) + 1), index)
    return count, lost, order


@given(trips())
def test_nothing_moves_whatever_the_network_does(trip: tuple[int, set[int], list[int]]) -> None:
    count, lost, order = trip
    track = Track()
    pieces: list[Piece] = []
    for index in order:
        pieces += track.take(index + 1, 500 + index * MS, frame(index), 100 + index * 0.02)
    pieces += track.finish()
    # The timeline: every frame at its place, silence where one was lost.
    expected = b"".join(SILENCE[:FRAME] if i in lost else frame(i) for i in range(count))
    assert heard(pieces) == expected
    assert track.sent == count * FRAME
    silent = [i for p in pieces if isinstance(p, Gap) for i in range(p.first, p.last, FRAME)]
    assert silent == [index * FRAME for index in sorted(lost)], "each loss is told exactly once"
    assert track.doubled == len(order) - (count - len(lost))
    assert track.late == 0
    assert track.lost == len(lost)


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(0, 10_000))
def test_audio_that_twilio_itself_never_got_is_seen_by_time(holes: list[int], first: int) -> None:
    """The numbers go on, the time stamps jump."""
    track, pieces, at = Track(), list[Piece](), first
    for number, hole in enumerate([0, *holes], 1):
        at += hole * MS
        pieces += track.take(number, at, frame(number), at / 1000)
        at += MS
    assert track.sent * 1000 // 8000 == at - first
    assert len(heard(pieces)) == track.sent
    gaps = [p.last - p.first for p in pieces if isinstance(p, Gap)]
    assert gaps == [hole * FRAME for hole in holes]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=200))
def test_time_stamps_that_tremble_move_nothing(offsets: list[int]) -> None:
    track = Track()
    pieces = list(track.take(1, 100, frame(0), 0.0))
    for index, offset in enumerate(offsets, 1):
        pieces += track.take(index + 1, 100 + index * MS + offset, frame(index), index * 0.02)
    assert heard(pieces) == b"".join(frame(index) for index in range(len(offsets) + 1))


@given(
    st.lists(
        st.tuples(
            st.integers(-5, 10**6), st.integers(-5, 10**9), st.binary(max_size=400), st.floats(0, 9)
        ),
        max_size=30,
    )
)
def test_nonsense_is_refused_or_bounded(frames: list[tuple[int, int, bytes, float]]) -> None:
    track, now, out = Track(), 0.0, 0
    for chunk, timestamp, audio, later in frames:
        now += later
        try:
            pieces = list(track.take(chunk, timestamp, audio, now))
        except ProtocolError:
            continue
        out += sum(p.last - p.first if isinstance(p, Gap) else len(p) for p in pieces)
        assert out == track.sent
        gaps = [p.last - p.first for p in pieces if isinstance(p, Gap)]
        assert sum(gaps) <= 8000 * (FARTHEST + now + 1) * max(1, len(frames))
    assert len(track._held) <= len(frames)


def test_a_frame_that_comes_after_it_was_given_up_is_late() -> None:
    track, pieces = Track(), list[Piece]()
    for index in (0, *range(2, 14), 1, 14):
        pieces += track.take(index + 1, index * MS, frame(index), index * 0.02)
    assert [(p.first, p.last) for p in pieces if isinstance(p, Gap)] == [(160, 320)]
    assert (track.late, track.doubled, track.lost) == (1, 0, 1)
    assert track.sent == 15 * FRAME


def test_a_missing_frame_is_not_waited_for_longer_than_a_moment() -> None:
    track = Track()
    assert list(track.take(1, 0, frame(0), 0.0)) == [frame(0)]
    assert list(track.take(3, 40, frame(2), 0.04)) == []
    assert list(track.take(4, 60, frame(3), 5.0)) == [Gap(160, 320), frame(2), frame(3)]


def test_a_leg_that_is_taken_up_again_has_a_gap_of_the_right_length() -> None:
    # 2 s were heard, the new stream began 3 s after the leg did, its first frame is at 100 ms.
    track = Track((16_000, -3000))
    assert list(track.take(1, 100, frame(0), 0.0)) == [Gap(16_000, 24_800), frame(0)]
    assert (Gap(16_000, 24_800).start, Gap(16_000, 24_800).end) == (2.0, 3.1)
    assert list(track.take(2, 120, frame(1), 0.0)) == [frame(1)]


def test_clocks_that_do_not_quite_agree_lose_no_sound_of_a_new_stream() -> None:
    track = Track((16_000, -1950))
    assert list(track.take(1, 0, frame(0), 0.0)) == [frame(0)]
    assert list(track.take(2, 20, frame(1), 0.0)) == [frame(1)]
    assert track.sent == 16_000 + 2 * FRAME


def test_what_overlaps_is_heard_once() -> None:
    track = Track()
    track.take(1, 0, frame(0) * 10, 0.0)
    assert list(track.take(2, 170, frame(1) * 3, 0.0)) == [(frame(1) * 3)[240:]]
    assert list(track.take(3, 100, frame(2), 0.0)) == []
    assert track.late == 1


def test_a_long_silence_that_the_clock_confirms_is_filled() -> None:
    track = Track()
    track.take(1, 0, frame(0), 0.0)
    (gap, _) = track.take(2, 300_000, frame(1), 299.0)
    assert isinstance(gap, Gap)
    assert max(len(piece) for piece in gap.silence()) == 8000
    assert sum(len(piece) for piece in gap.silence()) == 300 * 8000 - FRAME


@pytest.mark.parametrize(
    ("chunk", "timestamp", "audio"),
    [
        (2, 100_000, frame(1)),
        (2, -20, frame(1)),
        (0, 20, frame(1)),
        (10**9, 40, frame(1)),
        (2, 20, b""),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    chunk: int, timestamp: int, audio: bytes
) -> None:
    track = Track()
    track.take(1, 0, frame(0), 0.0)
    with pytest.raises(ProtocolError):
        track.take(chunk, timestamp, audio, 0.02)
    assert list(track.take(2, 20, frame(1), 0.02)) == [frame(1)]
