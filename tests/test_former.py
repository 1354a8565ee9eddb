"""Where a leg goes on that its client has kept audio of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.former import FASTEST, SHORTEST, Continues, Former, place

samples = st.integers(0, 10**6)


@given(st.floats(0, 1000), st.sampled_from([8000, 16_000]), samples, samples, samples)
def test_what_is_written_is_left_out_and_the_rest_keeps_its_place(
    offset: float, rate: int, written: int, settled: int, kept: int
) -> None:
    found = place(Former(offset, rate, written), Continues("", settled, kept), offset + 1e6)
    assert found is not None
    first = max(written, settled, kept)
    assert kept + found.skip == first
    assert found.offset == pytest.approx(offset + first / rate)
    assert found.whole is (kept <= max(written, settled))


def test_what_cannot_have_been_spoken_is_not_believed() -> None:
    former, now = Former(100.0, 8000, 0), 110.0
    most = int((FASTEST * 10.0 + SHORTEST) * 8000)
    assert place(former, Continues("", most, most), now) is not None
    assert place(former, Continues("", most + 1, most + 1), now) is None
    assert place(former, Continues("", most + 1, 0), now) is None, "all would be skipped"
