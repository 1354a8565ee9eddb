"""How a leg goes on that its client has kept audio of, and what a client may forget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.former import Former, Recording, Settling, place

samples = st.integers(0, 10**6)


@given(st.floats(0, 1000), samples, samples, samples, samples)
def test_what_is_written_is_left_out(
    offset: float, first: int, more: int, settled: int, kept: int
) -> None:
    written = first + more
    found = place(Former(offset, 8000, first, written, 3.5), Recording("r", settled, kept))
    assert kept + found.skip == max(written, settled, kept)
    assert found.since == 3.5
    assert found.offset == pytest.approx(offset + (kept + found.skip - first) / 8000)
    assert found.whole is (kept <= max(written, settled))


def test_samples_are_believed_unless_their_client_slept() -> None:
    found = place(Former(100.0, 8000, 8000, 8000, 0.0), Recording("r", 88_000, 88_000))
    assert found.begins(112.9) == found.begins(107.1) == 110.0
    assert found.begins(113.5) == 113.5


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_a_client_forgets_only_what_was_settled_when_all_was_kept_that_was_told_then(
    steps: list[tuple[int, int, int]],
) -> None:
    settling = Settling()
    seq = settled = kept_below = before = 0
    settled_at: list[tuple[int, int]] = []
    for told, more, kept in steps:
        seq, settled = seq + told, settled + more
        kept_below = min(kept_below + kept, seq + 1)
        settled_at.append((seq, settled))
        now = settling.look(settled, seq, kept_below)
        assert now == settling.samples >= before, "it never goes back"
        assert now == max((s for n, s in settled_at if n < kept_below), default=before)
        before = now


def test_what_a_leg_has_settled_may_be_less_again() -> None:
    settling = Settling()
    assert settling.look(100, 1, 2) == 100
    assert settling.look(50, 5, 6) == 100
